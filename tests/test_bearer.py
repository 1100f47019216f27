"""The bearer token that a client shows."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from daytrader.bearer import NO_BEARER, Bearer, BearerError
from daytrader.cli.status import status


def test_without_a_token_nothing_is_shown() -> None:
    """There is no header then, rather than an empty one."""
    assert NO_BEARER.headers() == {}


def test_a_file_goes_before_a_text_and_is_read_each_time(tmp_path: Path) -> None:
    """What it holds now is shown, without the line's end."""
    file = tmp_path / "token"
    file.write_text("one\n")
    bearer = Bearer("a text", file)
    assert bearer.headers() == {"Authorization": "Bearer one"}
    file.write_text("two")
    assert bearer.token() == "two"
    assert Bearer("a text").token() == "a text"


@pytest.mark.parametrize("text", ["a\r\nX-Admin: yes", "\u00fc", "a\x00"])
def test_a_token_that_no_header_can_carry_is_refused(text: str) -> None:
    """A line break in the token would be another header."""
    with pytest.raises(BearerError, match="printable ASCII"):
        Bearer(text).token()


def test_an_empty_file_is_no_token(tmp_path: Path) -> None:
    """Whoever names a file wants a token to be shown."""
    (tmp_path / "token").touch()
    with pytest.raises(BearerError, match="is empty"):
        Bearer(file=tmp_path / "token").token()
    with pytest.raises(OSError, match="nowhere"):
        Bearer(file=tmp_path / "nowhere").token()


def test_a_command_says_what_is_wrong_with_its_token(tmp_path: Path) -> None:
    """Before anything is sent; the file may be named by the environment."""
    (tmp_path / "token").touch()
    done = CliRunner().invoke(status, [], env={"DAYTRADER_TOKEN_FILE": str(tmp_path / "token")})
    assert done.exit_code == 1
    assert "is empty: it should hold a bearer token" in done.output
