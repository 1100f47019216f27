"""Settings from the environment."""

import pytest

from daytrader.settings import SettingsError, load


def test_settings_come_from_the_environment() -> None:
    """Numbers, booleans, choices and texts are converted; what is not said has its default."""
    settings = load(
        {
            "DAYTRADER_PARTITIONS": "8",
            "DAYTRADER_JOURNAL_BATCHING": "false",
            "DAYTRADER_JOURNAL_DURABILITY": "one",
            "DAYTRADER_REDIS_URL": "redis://x",
            "PATH": "/bin",
        }
    )
    assert (settings.partitions, settings.journal_batching, settings.journal_durability) == (8, False, "one")
    assert settings.redis_url == "redis://x"
    assert settings.triggers_interval_ms == 1_000


def test_an_unknown_setting_is_named() -> None:
    """A misspelt variable is an error that names it, not a default in silence."""
    with pytest.raises(SettingsError, match="DAYTRADER_PARTITION:"):
        load({"DAYTRADER_PARTITION": "8"})


@pytest.mark.parametrize(("name", "text"), [("PARTITIONS", "many"), ("JOURNAL_DURABILITY", "all"), ("PORT", "")])
def test_a_value_that_cannot_be_used_is_an_error(name: str, text: str) -> None:
    """The message says which setting and what is expected."""
    with pytest.raises(SettingsError, match=name.lower()):
        load({f"DAYTRADER_{name}": text})


def test_every_process_has_a_credential_of_its_own_unless_it_is_told_one() -> None:
    """The internal token is made at random where none is given."""
    assert len(load({}).internal_token) >= 32
    assert load({}).internal_token != load({}).internal_token
