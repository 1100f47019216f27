"""The internal credential: what gets past it and what does not."""

from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message

from daytrader.internal import InternalAuth, Tokens

GUARDED = InternalAuth(PlainTextResponse("let through"), Tokens("séc ret"), frozenset({"/open"}))


async def answer(path: str, *shown: bytes) -> tuple[int, str]:
    """The status and text that a request to `path` gets, which shows these Authorization headers."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", b"a"), *((b"authorization", value) for value in shown)]
    await GUARDED({"type": "http", "method": "POST", "path": path, "headers": headers}, receive, send)
    return sent[0]["status"], sent[1]["body"].decode()


class TestInternalAuth:
    async def test_who_has_the_credential_gets_through(self) -> None:
        """The request reaches the service."""
        assert await answer("/x", Tokens("séc ret").authorization.encode()) == (200, "let through")

    @pytest.mark.parametrize(
        "value", [b"", b"Bearer", b"Bearer ", "séc ret".encode(), "Bearer séc rets".encode(), b"Bearer \xff\xfe"]
    )
    async def test_wrong_credential_is_401(self, value: bytes) -> None:
        """Anything else than the very credential is refused in words."""
        status, text = await answer("/x", value)
        assert status == 401
        assert "the internal credential is missing or wrong" in text

    async def test_no_credential_is_401(self) -> None:
        """A request that shows nothing is refused."""
        assert (await answer("/x"))[0] == 401

    async def test_second_credential_does_not_count(self) -> None:
        """Of several headers the first one decides."""
        assert (await answer("/x", b"Bearer wrong", Tokens("séc ret").authorization.encode()))[0] == 401

    async def test_only_the_very_path_is_open(self) -> None:
        """An open path needs no credential; one below it does."""
        assert (await answer("/open"))[0] == 200
        assert (await answer("/open/more"))[0] == 401


class TestTokens:
    def test_the_first_is_sent_and_all_are_accepted(self) -> None:
        """While a credential is exchanged, what others still show is as good as what we show."""
        tokens = Tokens("new", "old")
        assert tokens.authorization == "Bearer new"
        assert tokens.accept(b"Bearer new")
        assert tokens.accept(b"Bearer old")
        assert not tokens.accept(b"Bearer older")
        assert not tokens.accept(b"")

    @pytest.mark.parametrize("tokens", [(), ("",), ("one", "")])
    def test_none_is_refused(self, tokens: tuple[str, ...]) -> None:
        """Without one everybody would be refused, and an empty one is known to everybody."""
        with pytest.raises(ValueError, match="no internal credential"):
            Tokens(*tokens)

    def test_a_file_holds_one_a_line(self, tmp_path: Path) -> None:
        """Blank lines and blanks around do not count, whatever ends the lines."""
        file = tmp_path / "tokens"
        file.write_bytes(b"\nnew \r\n\n old\n")
        tokens = Tokens("at first")
        tokens.read(str(file))
        assert tokens.authorization == "Bearer new"
        assert [tokens.accept(b"Bearer " + one) for one in (b"new", b"old", b"at first")] == [True, True, False]

    def test_an_empty_file_changes_nothing(self, tmp_path: Path) -> None:
        """A file without a credential is an error that names it, and what counted before still counts."""
        file = tmp_path / "tokens"
        file.write_text("\n \n")
        tokens = Tokens("one")
        with pytest.raises(ValueError, match=r"tokens: no internal credential"):
            tokens.read(str(file))
        assert tokens.accept(b"Bearer one")
