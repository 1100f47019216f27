"""Settings from the environment."""

from importlib.metadata import version

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


def test_what_is_running_and_where_it_is_known() -> None:
    """The build that was given, else the package's version; the URL that was given, else the port's own."""
    assert load({"DAYTRADER_BUILD": "1.2-abc"}).version == "1.2-abc"
    assert load({"DAYTRADER_BUILD": ""}).version == load({}).version == version("daytrader")
    assert load({"DAYTRADER_PORT": "81"}).base_url == "http://127.0.0.1:81"
    pair = {"DAYTRADER_TLS_CERT": "/tls/tls.crt", "DAYTRADER_TLS_KEY": "/tls/tls.key"}
    assert load(pair).base_url == "https://127.0.0.1:8080"
    assert load({**pair, "DAYTRADER_OWN_URL": "https://10.1.2.3:8080"}).base_url == "https://10.1.2.3:8080"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"TLS_CERT": "a"}, "DAYTRADER_TLS_CERT is set and DAYTRADER_TLS_KEY is not"),
        ({"TLS_KEY": "a"}, "DAYTRADER_TLS_KEY is set and DAYTRADER_TLS_CERT is not"),
        ({"AUTH_MODE": "required"}, "nothing says where tokens are kept: give DAYTRADER_DATA_URI"),
        ({"TRUSTED_PROXIES": "10.0.0.0/8, ingress"}, "DAYTRADER_TRUSTED_PROXIES is no list of networks: 'ingress'"),
        ({"REDIS_CA": "a", "REDIS_URL": "redis://x"}, "DAYTRADER_REDIS_URL does not begin with rediss://"),
        (
            {"TLS_CA": "a", "TRANSACTION_URLS": "https://x:1, http://y:2"},
            "DAYTRADER_TLS_CA is set, but http://y:2 in DAYTRADER_TRANSACTION_URLS would be asked without TLS",
        ),
        ({"TLS_CA": "a", "AUDIT_URL": "http://z"}, "http://z in DAYTRADER_AUDIT_URL would be asked without TLS"),
        ({"BREAKING_INSTANCE": "a"}, "DAYTRADER_BREAKING_INSTANCE and DAYTRADER_BREAKING_RECORD go together"),
        ({"BREAKING_RECORD": "a"}, "DAYTRADER_BREAKING_INSTANCE and DAYTRADER_BREAKING_RECORD go together"),
        ({"CHECKPOINT_RECORDS": "0"}, "DAYTRADER_CHECKPOINT_RECORDS=0 is no number of records: give 1 or more"),
        ({"JOURNAL_FORMAT": "2"}, "DAYTRADER_JOURNAL_FORMAT=2 is none that this build knows: give one of 1"),
        ({"JOURNAL_FORMAT": "0"}, "DAYTRADER_JOURNAL_FORMAT=0"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(given: dict[str, str], says: str) -> None:
    """The message says which they are, and what to do."""
    with pytest.raises(SettingsError, match=says):
        load({f"DAYTRADER_{name}": text for name, text in given.items()})


def test_urls_go_with_tls() -> None:
    """By https where the others' CA is given; without one nothing is asked of them."""
    ca = {"DAYTRADER_TLS_CA": "a"}
    assert load({**ca, "DAYTRADER_TRANSACTION_URLS": "https://x,https://y", "DAYTRADER_AUDIT_URL": "https://z"}).tls_ca
    assert load({"DAYTRADER_TRANSACTION_URLS": "http://x", "DAYTRADER_AUDIT_URL": "http://z"}).audit_url == "http://z"


def test_variables_of_clients_and_tests_are_no_settings() -> None:
    """A shell in which the load generator or the tests were set up can start a service as well."""
    load({"DAYTRADER_CA": "/ca.crt", "DAYTRADER_WORKLOADS": "/files", "DAYTRADER_SEEDS": "5"})
