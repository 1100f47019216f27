"""The credential that services show each other: whoever has it is one of us, others get nothing but the probes."""

import hmac
from collections.abc import Collection

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_DENIED = PlainTextResponse(
    "This service answers the installation's own services only: the internal credential is missing or wrong.",
    401,
    {"WWW-Authenticate": "Bearer"},
)


def authorization(token: str) -> str:
    """Return the value of the Authorization header that every internal request carries."""
    return f"Bearer {token}"


class InternalAuth:
    """ASGI middleware: lets requests through that carry the internal credential, and those to open paths."""

    def __init__(self, app: ASGIApp, token: str, open_paths: Collection[str]) -> None:
        """`token` is the setting `internal_token`; `open_paths` answer without it, the probes of a pod for example."""
        self._app = app
        self._expected = authorization(token).encode()
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
                return hmac.compare_digest(value, self._expected)
        return False
