"""Every page and every form, and what each kind of visitor gets from it."""

from importlib.resources import files
from typing import Final
from urllib.parse import urlencode

import msgspec

from tests.security.callers import ALICE, VISITORS, Visiting

Statuses = dict[Visiting, int]


class Page(msgspec.Struct, frozen=True):
    """One page or form."""

    method: str
    target: str
    gets: Statuses
    route: str
    fields: dict[str, str] = {}
    """Of a form, without the one that shows that it is ours."""
    ends: bool = True
    """False: the answer is a stream without an end."""
    own_csrf: bool = True
    """False: whose form it is rests on the browser's cookie, for nobody is signed in yet."""
    keeps: bool = False
    """Whether it may change what is stored, also where it does not what was asked for."""

    @property
    def name(self) -> str:
        """What the test calls it."""
        return f"{self.method} {self.target}"

    def request(self, csrf: str, *headers: str) -> bytes:
        """Return the request that a browser sends; its form carries `csrf`."""
        lines = [f"{self.method} {self.target} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
        body = b""
        if self.method == "POST":
            body = urlencode({**self.fields, "csrf": csrf} if csrf else self.fields).encode()
            lines += [f"Content-Length: {len(body)}", "Content-Type: application/x-www-form-urlencoded"]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _statuses(*, nobody: int, trader: int, other: int, broker: int, admin: int) -> Statuses:
    """Whoever's cookie is no session that is good gets what nobody gets."""
    known: Statuses = {"trader": trader, "other": other, "broker": broker, "admin": admin}
    return {who: known.get(who, nobody) for who in VISITORS}


def _all(status: int) -> Statuses:
    return _statuses(nobody=status, trader=status, other=status, broker=status, admin=status)


ANYBODY: Final = _all(200)
LANDING: Final = _statuses(nobody=200, trader=303, other=303, broker=303, admin=303)
"""Who is signed in is sent on."""
SIGNED_IN: Final = _statuses(nobody=303, trader=200, other=200, broker=200, admin=200)
"""Nobody is sent to sign in."""


def _get(route: str, gets: Statuses, *, ends: bool = True, query: str = "") -> Page:
    return Page("GET", route.replace("{user}", ALICE) + query, gets, route, ends=ends)


def _post(route: str, gets: Statuses, /, **fields: str) -> Page:
    return Page("POST", route.replace("{user}", ALICE), gets, route, fields)


STATIC: Final = tuple(
    _get(f"/static/{file.name}", ANYBODY) for file in files("daytrader.web.page").joinpath("static").iterdir()
)

PAGES: Final = (
    *STATIC,
    _get("/favicon.ico", _all(204)),
    _get("/", LANDING),
    _get("/sign-in", ANYBODY),
    _get("/sign-up", ANYBODY),
    _get("/sign-out", ANYBODY),
    _get("/password", SIGNED_IN),
    _get("/trade", SIGNED_IN),
    Page("POST", "/sign-in", _all(403), "/sign-in", {"name": "x", "password": "wrong"}, own_csrf=False),
    Page("POST", "/sign-up", _all(403), "/sign-up", {"name": "!", "password": "x"}, own_csrf=False),
    _post("/password", _statuses(nobody=401, trader=422, other=422, broker=422, admin=422), old="x", password="y"),
    _post("/sign-out", _statuses(nobody=403, trader=303, other=303, broker=303, admin=303)),
)
"""Signing out comes last: it ends the session with which all else is asked for."""
