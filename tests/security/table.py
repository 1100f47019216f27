"""Every endpoint, and what each kind of caller gets from it."""

import json
from typing import Final, Literal
from urllib.parse import urlencode

import msgspec

from daytrader.web.api.batch_line import NDJSON
from tests.security.callers import ALICE, EVERYBODY, Who

Statuses = dict[Who, int]


def _statuses(*, nobody: int, trader: int, other: int, broker: int, admin: int) -> Statuses:
    """Whoever shows a token that is no longer good gets what nobody gets."""
    known: Statuses = {"trader": trader, "other": other, "broker": broker, "admin": admin}
    return {who: known.get(who, nobody) for who in EVERYBODY}


OWN: Final = _statuses(nobody=401, trader=200, other=403, broker=200, admin=200)
"""Alice's, so hers, and a broker's and an admin's too."""
PLACED: Final = _statuses(nobody=401, trader=201, other=403, broker=201, admin=201)
"""The same, where something is made."""
WHOLE: Final = _statuses(nobody=401, trader=403, other=403, broker=403, admin=200)
"""Everybody's, so an admin's."""
KNOWN: Final = _statuses(nobody=401, trader=200, other=200, broker=200, admin=200)
"""Anybody's with a good token."""
PUBLIC: Final = _statuses(nobody=200, trader=200, other=200, broker=200, admin=200)
"""Tells nothing that anybody might not know."""
UNKNOWN: Final = _statuses(nobody=401, trader=400, other=400, broker=400, admin=400)
"""There is no such command; those who show no token are not told even that."""


class Row(msgspec.Struct, frozen=True):
    """One endpoint: how it is asked, and who gets what."""

    method: str
    target: str
    """With query; the route that it belongs to is `route`."""
    gets: Statuses
    route: str
    body: bytes = b""
    media_type: str = ""
    ends: bool = True
    """False: the answer is a stream without an end."""
    lines: Statuses | None = None
    """For a batch: the status of its one line."""

    @property
    def name(self) -> str:
        """What the test is called."""
        return f"{self.method} {self.target}"


Verb = Literal["GET", "POST", "PUT", "DELETE"]


def _command(name: str, gets: Statuses = OWN, /, *, user: str = ALICE, **parameters: str) -> Row:
    given = {"userid": user, **parameters} if user else parameters
    return Row("POST", f"/command/{name}?{urlencode(given)}", gets, f"/command/{name}")


def _api(verb: Verb, route: str, gets: Statuses = OWN, /, **body: object) -> Row:
    """An operation of the API on Alice's account, with ABC as the symbol."""
    target = f"/api/v1{route}".replace("{user}", ALICE).replace("{symbol}", "ABC")
    document = json.dumps(body).encode() if body else b""
    return Row(verb, target, gets, f"/api/v1{route}", document, "application/json" if body else "")


def _public(path: str) -> Row:
    return Row("GET", path, PUBLIC, path)


COMMANDS: Final = (
    _command("ADD", amount="1000.00"),
    _command("QUOTE", stockSymbol="ABC"),
    _command("BUY", amount="100.00", stockSymbol="ABC"),
    _command("COMMIT_BUY"),
    _command("BUY", amount="100.00", stockSymbol="ABC"),
    _command("CANCEL_BUY"),
    _command("SELL", amount="10.00", stockSymbol="ABC"),
    _command("COMMIT_SELL"),
    _command("SELL", amount="10.00", stockSymbol="ABC"),
    _command("CANCEL_SELL"),
    _command("SET_BUY_AMOUNT", amount="10.00", stockSymbol="ABC"),
    _command("SET_BUY_TRIGGER", amount="1.00", stockSymbol="ABC"),
    _command("CANCEL_SET_BUY", stockSymbol="ABC"),
    _command("SET_SELL_AMOUNT", amount="20.00", stockSymbol="ABC"),
    _command("SET_SELL_TRIGGER", amount="10.00", stockSymbol="ABC"),
    _command("CANCEL_SET_SELL", stockSymbol="ABC"),
    _command("DISPLAY_SUMMARY"),
    _command("DUMPLOG", filename="log.xml"),
    _command("DUMPLOG", WHOLE, user="", filename="log.xml"),
    _command("NONE", UNKNOWN),
)
"""In an order in which each is accepted of whoever may send it."""

_USER: Final = "/accounts/{user}"
_BUYING: Final = f"{_USER}/buy-triggers/{{symbol}}"
_SELLING: Final = f"{_USER}/sell-triggers/{{symbol}}"
_LINE: Final = json.dumps({"command": "ADD", "user": ALICE, "amount_cents": 1}).encode() + b"\n"

API: Final = (
    _api("POST", f"{_USER}/deposits", amount_cents=100_000),
    _api("GET", _USER),
    _api("GET", f"{_USER}/history"),
    _api("GET", f"{_USER}/quotes/{{symbol}}"),
    _api("POST", f"{_USER}/buys", PLACED, symbol="ABC", amount_cents=10_000),
    _api("POST", f"{_USER}/buys/commit"),
    _api("POST", f"{_USER}/buys", PLACED, symbol="ABC", amount_cents=10_000),
    _api("POST", f"{_USER}/buys/cancel"),
    _api("POST", f"{_USER}/sells", PLACED, symbol="ABC", amount_cents=1_000),
    _api("POST", f"{_USER}/sells/commit"),
    _api("POST", f"{_USER}/sells", PLACED, symbol="ABC", amount_cents=1_000),
    _api("POST", f"{_USER}/sells/cancel"),
    _api("PUT", f"{_BUYING}/amount", amount_cents=1_000),
    _api("PUT", f"{_BUYING}/price", price_cents=100),
    _api("DELETE", _BUYING),
    _api("PUT", f"{_SELLING}/amount", amount_cents=2_000),
    _api("PUT", f"{_SELLING}/price", price_cents=1_000),
    _api("DELETE", _SELLING),
    _api("GET", f"{_USER}/log"),
    _api("GET", "/log", WHOLE),
    Row("GET", f"/api/v1/accounts/{ALICE}/stream", OWN, "/api/v1/accounts/{user}/stream", ends=False),
    Row("GET", "/api/v1/quotes/stream?symbols=ABC", KNOWN, "/api/v1/quotes/stream", ends=False),
    Row("POST", "/api/v1/batch", KNOWN, "/api/v1/batch", _LINE, NDJSON, lines=OWN),
    _public("/api/v1/openapi.json"),
    _public("/api/v1/docs"),
    _public("/api/v1/docs.css"),
    _public("/api/v1/docs.js"),
    Row("GET", "/api/v1/problems/amount-zero", PUBLIC, "/api/v1/problems/{code}"),
)

REST: Final = (
    _public("/heartbeat"),
    _public("/live"),
    _public("/ready"),
    _public("/version"),
    Row("GET", "/health", WHOLE, "/health"),
)

TABLE: Final = (*COMMANDS, *API, *REST)
