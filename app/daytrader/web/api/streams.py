"""The streams of the API: an account, and quotes, as server-sent events."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from daytrader.auth.guard import NOT_YOURS, Denied, Guard, authorization_of
from daytrader.auth.role import Caller, may_as
from daytrader.domain import refusal
from daytrader.domain.command import parse
from daytrader.domain.quote import Quote
from daytrader.web.account_stream import AccountUpdate
from daytrader.web.api import problems
from daytrader.web.api.account_events import account_event, quote_event
from daytrader.web.api.problems import KINDS, ProblemError
from daytrader.web.api.respond import encode, refuse
from daytrader.web.event_id import EventId
from daytrader.web.hub import Hub
from daytrader.web.sse import Streams, StreamsFullError, heartbeat, json_event

ACCOUNT_PATH: Final = "/accounts/{user}/stream"
QUOTES_PATH: Final = "/quotes/stream"

MOST_SYMBOLS: Final = 100
"""Symbols of one stream of quotes."""

JOIN_WITHIN: Final = 5.0
"""Seconds in which a transaction replica has to begin with a stream; then 503."""


@dataclass(frozen=True, slots=True)
class Live:
    """What streams are made of."""

    hub: Hub
    streams: Streams
    partitions: int
    guard: Guard | None
    """None: everybody may see everything."""

    async def reader(self, scope: Scope, user: str | None) -> Caller | None:
        """Return who wants to see `user` (None: nobody's account); None: it does not matter.

        Raises ProblemError where that is not to be, or too many streams are open.
        """
        caller: Caller | None = None
        if self.guard is not None:
            seen = await _seen(self.guard, authorization_of(scope), user)
            if isinstance(seen, Denied):
                raise problems.denied(seen)
            caller = seen
        if self.hub.ended:
            raise ProblemError(problems.UNAVAILABLE, "This replica is going: connect to another")
        try:
            self.streams.check_room(_name(caller))
        except StreamsFullError as error:
            raise ProblemError(problems.BUSY, str(error)) from None
        return caller

    def still(self, scope: Scope, user: str | None) -> Callable[[], Awaitable[bool]] | None:
        """Return what tells whether the reader may still see that."""
        if self.guard is None:
            return None
        guard, authorization = self.guard, authorization_of(scope)

        async def may_still() -> bool:
            seen = await _seen(guard, authorization, user)
            return not isinstance(seen, Denied) or seen.status in (429, 503)  # then nobody knows

        return may_still


async def _seen(guard: Guard, authorization: bytes, user: str | None) -> Caller | Denied:
    caller = await guard.caller(authorization)
    if isinstance(caller, Denied) or user is None or may_as(caller, user):
        return caller
    return NOT_YOURS


def _name(caller: Caller | None) -> str:
    """Return by whose name streams are counted: a trader's; the others read in the name of many."""
    return caller.name if caller is not None and caller.role == "trader" else ""


class AccountStreamEndpoint:
    """An ASGI app that streams an account."""

    def __init__(self, live: Live) -> None:
        self._live = live

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        live = self._live
        try:
            user = parse("DISPLAY_SUMMARY", scope["path_params"]["user"]).user
            caller = await live.reader(scope, user)
            if not user:
                raise ProblemError(KINDS["invalid-userid"], refusal.INVALID_USER)
            after = _resumed(scope)
        except ProblemError as error:
            await refuse(send, error)
            return
        stream = live.hub.account(user, after)
        try:
            joined = await stream.join(JOIN_WITHIN)
        except BaseException:
            await stream.aclose()
            raise
        if not joined:
            await stream.aclose()
            await refuse(send, ProblemError(problems.UNAVAILABLE, "No transaction replica tells of the account now"))
            return

        def encoded(update: AccountUpdate) -> bytes:
            data = encode(account_event(user, update, live.partitions))
            return json_event(data, "snapshot" if update.snapshot else "update", str(update.id))

        await live.streams.serve(
            receive,
            send,
            stream,
            encoded,
            beat=lambda: heartbeat(str(stream.id)),
            name=_name(caller),
            still=live.still(scope, user),
            spaced=True,
        )


class QuoteStreamEndpoint:
    """An ASGI app that streams quotes."""

    def __init__(self, live: Live) -> None:
        self._live = live

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        live = self._live
        try:
            caller = await live.reader(scope, None)
            symbols = _symbols(scope)
        except ProblemError as error:
            await refuse(send, error)
            return
        stream = live.hub.quotes(symbols)
        await live.streams.serve(
            receive, send, stream, _encoded_quote, name=_name(caller), still=live.still(scope, None)
        )


def _encoded_quote(quote: Quote) -> bytes:
    return json_event(encode(quote_event(quote)), "quote")


def _query(scope: Scope) -> dict[str, str]:
    return dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))


def _resumed(scope: Scope) -> EventId | None:
    """Return the id of the last event that the client has. Raises ProblemError where it says one that is none."""
    text = _query(scope).get("last_event_id", "")
    for name, value in scope["headers"]:
        if name == b"last-event-id":
            text = value.decode("latin-1")
    if not text:
        return None
    found = EventId.parse(text)
    if found is None:
        raise ProblemError(problems.MALFORMED, "The Last-Event-ID is none of this API's, which look like 3-4711")
    return found


def _symbols(scope: Scope) -> frozenset[str]:
    """Return the symbols that are asked for. Raises ProblemError where one is none, or they are too many, or none."""
    symbols = frozenset(one for one in _query(scope).get("symbols", "").split(",") if one)
    if not 0 < len(symbols) <= MOST_SYMBOLS:
        raise ProblemError(
            problems.MALFORMED, f"Give ?symbols= with one to {MOST_SYMBOLS} symbols, separated by commas"
        )
    if not all(parse("QUOTE", "", symbol).symbol for symbol in symbols):
        raise ProblemError(KINDS["invalid-stock-symbol"], refusal.INVALID_SYMBOL)
    return symbols
