"""Every page and every form, and what each kind of visitor gets from it."""

from importlib.resources import files
from typing import Final
from urllib.parse import urlencode

import msgspec

from daytrader.web.page.trade.actions import ACTIONS
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
    file: bytes = b""
    """What is uploaded beside the fields, where anything is."""

    @property
    def name(self) -> str:
        """What the test calls it."""
        return f"{self.method} {self.target}"

    def request(self, csrf: str, *headers: str) -> bytes:
        """Return the request that a browser sends; its form carries `csrf`."""
        lines = [f"{self.method} {self.target} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
        body = b""
        if self.method == "POST":
            fields = {"csrf": csrf, **self.fields} if csrf else self.fields
            media_type = f"multipart/form-data; boundary={_EDGE}" if self.file else "application/x-www-form-urlencoded"
            body = _multipart(fields, self.file) if self.file else urlencode(fields).encode()
            lines += [f"Content-Length: {len(body)}", f"Content-Type: {media_type}"]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


_EDGE: Final = "edge"


def _multipart(fields: dict[str, str], file: bytes) -> bytes:
    parts = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{text}' for name, text in fields.items()]
    parts.append(f'Content-Disposition: form-data; name="file"; filename="x.txt"\r\n\r\n{file.decode()}')
    return "".join(f"--{_EDGE}\r\n{part}\r\n" for part in parts).encode() + f"--{_EDGE}--\r\n".encode()


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
OWN: Final = _statuses(nobody=303, trader=200, other=403, broker=200, admin=200)
"""Alice's, so hers, and a broker's and an admin's too."""
OWN_FORM: Final = _statuses(nobody=401, trader=303, other=403, broker=303, admin=303)
"""What is sent and done leads on to a page."""
CHOOSE: Final = _statuses(nobody=303, trader=303, other=303, broker=200, admin=200)
"""A trader is sent on to the own account; the others choose one."""
BROKERS: Final = _statuses(nobody=303, trader=403, other=403, broker=200, admin=200)
ADMINS: Final = _statuses(nobody=303, trader=403, other=403, broker=403, admin=200)
FORM: Final = _statuses(nobody=401, trader=303, other=303, broker=303, admin=303)
ADMINS_FORM: Final = _statuses(nobody=401, trader=403, other=403, broker=403, admin=303)


def _but(gets: Statuses, status: int) -> Statuses:
    """The same, with this status for those who may."""
    return {who: status if found in (200, 303) and who in KNOWN else found for who, found in gets.items()}


KNOWN: Final = ("trader", "other", "broker", "admin")


def _get(route: str, gets: Statuses, *, ends: bool = True, query: str = "") -> Page:
    return Page("GET", route.replace("{user}", ALICE) + query, gets, route, ends=ends)


def _post(route: str, gets: Statuses, /, **fields: str) -> Page:
    return Page("POST", route.replace("{user}", ALICE), gets, route, fields)


def _form(gets: Statuses) -> Statuses:
    """A form on such a page."""
    return {who: found if found == 403 else 303 if who in KNOWN else 401 for who, found in gets.items()}


NO_TOKEN: Final = "0" * 16

_ORDER: Final = {"symbol": "ABC", "amount": "10.00"}
_ACTIONS: Final = (
    *(Page("POST", f"/trade/{ALICE}/{name}", OWN_FORM, "/trade/{user}/{action}", _ORDER) for name in ACTIONS),
    Page("POST", f"/trade/{ALICE}/none", _but(OWN_FORM, 404), "/trade/{user}/{action}"),
)

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
    _get("/trade", CHOOSE),
    _get("/history", CHOOSE),
    _get("/trade/{user}", OWN),
    _get("/history/{user}", OWN),
    _get("/trade/{user}/live", OWN, ends=False),
    _get("/trade/{user}/log.xml", OWN),
    _get("/trade/{user}/log.csv", OWN),
    *_ACTIONS,
    _get("/workloads", BROKERS),
    _get("/workloads/live", BROKERS, ends=False),
    _get("/workloads/log.xml", _but(BROKERS, 404)),
    Page("POST", "/workloads", _form(BROKERS), "/workloads", file=b"nothing that is a command\n"),
    Page("POST", "/workloads/stop", _form(BROKERS), "/workloads/stop"),
    _get("/operations", ADMINS),
    _get("/operations/live", ADMINS, ends=False),
    _get("/operations/break", _but(ADMINS, 409), query="?what=nothing"),
    _post("/operations/break", ADMINS_FORM, what="nothing"),
    _get("/tokens", SIGNED_IN),
    Page("POST", "/tokens", _but(FORM, 200), "/tokens", {"name": "laptop", "days": "30"}),
    Page("POST", f"/tokens/{NO_TOKEN}/revoke", _but(FORM, 404), "/tokens/{id}/revoke"),
    _get("/users", ADMINS),
    Page("GET", "/users/of/carol", _but(ADMINS, 404), "/users/of/{name}"),
    Page("POST", "/users", _but(ADMINS_FORM, 422), "/users", {"name": "!"}),
    Page("POST", "/users/of/bob/password", _but(ADMINS_FORM, 422), "/users/of/{name}/password", {"password": "x"}),
    Page("POST", "/users/of/carol/remove", _but(ADMINS_FORM, 404), "/users/of/{name}/remove"),
    _get("/users/tokens", ADMINS),
    Page("POST", "/users/tokens", _but(ADMINS_FORM, 422), "/users/tokens", {"name": "x", "role": "king"}),
    Page("POST", f"/users/tokens/{NO_TOKEN}/revoke", _but(ADMINS_FORM, 404), "/users/tokens/{id}/revoke"),
    Page("POST", "/sign-in", _all(403), "/sign-in", {"name": "x", "password": "wrong"}, own_csrf=False),
    Page("POST", "/sign-up", _all(403), "/sign-up", {"name": "!", "password": "x"}, own_csrf=False),
    _post("/password", _statuses(nobody=401, trader=422, other=422, broker=422, admin=422), old="x", password="y"),
    _post("/sign-out", _statuses(nobody=403, trader=303, other=303, broker=303, admin=303)),
)
"""Signing out comes last: it ends the session with which all else is asked for."""
