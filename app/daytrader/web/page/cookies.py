"""The cookies of the pages, signed, so that one that was not made here costs no look-up."""

import hashlib
import hmac
import secrets
from typing import Final, Literal

from itsdangerous import BadSignature, Signer
from starlette.requests import Request
from starlette.responses import Response

from daytrader.auth.token import SESSION_MS

Kind = Literal["session", "browser", "told"]

_SECONDS: Final[dict[Kind, int]] = {"session": SESSION_MS // 1_000, "browser": 30 * 86_400, "told": 60}
"""How long a browser keeps each."""

LARGEST: Final = 3_000
"""Characters of a cookie's text; browsers keep 4,096 bytes."""


def new_browser() -> str:
    """Return the id of a browser that we have not seen."""
    return secrets.token_urlsafe(32)


class Cookies:
    """Reads and sets cookies under one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def csrf(self, whose: str) -> str:
        """Return the text that forms carry where the session or browser is `whose`."""
        return hmac.new(self._key, b"csrf " + whose.encode(), hashlib.sha256).hexdigest()

    def read(self, request: Request, kind: Kind, *, secure: bool) -> str:
        """Return the text of a cookie; empty where there is none, or not one of ours."""
        found = request.cookies.get(_name(kind, secure=secure), "")
        if not found or len(found) > LARGEST + 100 or not found.isascii():
            return ""
        try:
            return self._signer(kind).unsign(found).decode("ascii")
        except BadSignature:
            return ""

    def set(self, response: Response, kind: Kind, text: str, *, secure: bool) -> None:
        """Set a cookie, whose text is ASCII and nothing that a cookie cannot hold."""
        response.set_cookie(
            _name(kind, secure=secure),
            self._signer(kind).sign(text).decode("ascii"),
            max_age=_SECONDS[kind],
            path="/",
            secure=secure,
            httponly=True,
            samesite="lax",
        )

    def delete(self, response: Response, kind: Kind, *, secure: bool) -> None:
        """Let the browser forget a cookie."""
        response.delete_cookie(_name(kind, secure=secure), path="/", secure=secure, httponly=True, samesite="lax")

    def _signer(self, kind: Kind) -> Signer:
        return Signer(self._key, salt=f"daytrader {kind}", key_derivation="hmac", digest_method=hashlib.sha256)


def _name(kind: Kind, *, secure: bool) -> str:
    """By the prefix, browsers promise that no other host and no page without TLS has set it."""
    return f"{'__Host-' if secure else ''}daytrader_{kind}"
