"""The credential that services show each other: whoever has it is one of us, others get nothing but the probes."""

import hmac
from collections.abc import Collection
from pathlib import Path

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_DENIED = PlainTextResponse(
    "This service answers the installation's own services only: the internal credential is missing or wrong.",
    401,
    {"WWW-Authenticate": "Bearer"},
)


class Tokens:
    """What a service shows to others, and all that it accepts of them.

    They differ while a credential is exchanged, in three steps that reach the services one by one: first the new one is
    accepted beside the old, then it is the one that is shown, then the old one is no longer accepted. So none meets one
    that does not accept what it shows, as long as a step has reached all before the next one begins.
    """

    def __init__(self, *tokens: str) -> None:
        """The first of `tokens` is shown, all are accepted. Raises ValueError where there is none, or an empty one."""
        self.authorization = ""
        """The value of the Authorization header that every internal request carries."""
        self._accepted: tuple[bytes, ...] = ()
        self._set(tokens)

    def read(self, file: str) -> None:
        """Take them from `file`, one a line. Raises OSError, and ValueError where it holds none."""
        lines = (line.strip() for line in Path(file).read_text(encoding="utf-8").splitlines())
        try:
            self._set([line for line in lines if line])
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from None

    def _set(self, tokens: Collection[str]) -> None:
        if not tokens or not all(tokens):
            raise ValueError("no internal credential: give one a line, the one to send first")
        headers = [f"Bearer {token}" for token in tokens]
        self.authorization = headers[0]
        self._accepted = tuple(header.encode() for header in headers)

    def accept(self, shown: bytes) -> bool:
        """Return whether a value of an Authorization header is one of ours; the time it takes does not tell which."""
        matches = [hmac.compare_digest(shown, accepted) for accepted in self._accepted]
        return any(matches)


class InternalAuth:
    """ASGI middleware: lets requests through that carry the internal credential, and those to open paths."""

    def __init__(self, app: ASGIApp, tokens: Tokens, open_paths: Collection[str]) -> None:
        """`open_paths` answer without the credential, the probes of a pod for example."""
        self._app = app
        self._tokens = tokens
        self._open_paths = frozenset(open_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401 in plain text where the credential is missing or wrong."""
        if scope["type"] != "http" or scope["path"] in self._open_paths or self._shown(scope):
            await self._app(scope, receive, send)
        else:
            await _DENIED(scope, receive, send)

    def _shown(self, scope: Scope) -> bool:
        for name, value in scope["headers"]:
            if name == b"authorization":
                return self._tokens.accept(value)
        return False
