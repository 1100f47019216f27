"""The command line as a whole."""

import pytest
from click.testing import CliRunner

from daytrader.cli.main import COMMANDS, main


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_every_command_has_help(command: list[str]) -> None:
    """Each command can be loaded, and tells what it does."""
    result = CliRunner().invoke(main, [*command, "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output


def test_an_unknown_command_is_refused() -> None:
    """A command that is none is an error."""
    assert CliRunner().invoke(main, ["fly"]).exit_code == 2
