"""The trader's pages: an account with all that can be done, its history, its log, and what makes them live."""

import secrets
from typing import Final, get_args
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from daytrader.auth.guard import NOT_YOURS
from daytrader.auth.role import Caller
from daytrader.clock import Clock
from daytrader.domain.command import parse
from daytrader.web.api.desk import Desk
from daytrader.web.dump import Dumps
from daytrader.web.event_id import EventId
from daytrader.web.hub import Hub
from daytrader.web.page.form import Form, RefusedError
from daytrader.web.page.pages import Pages, SeeOther, for_script
from daytrader.web.page.told import Told
from daytrader.web.page.trade.account_now import AwayError, account_now, learn_quotes
from daytrader.web.page.trade.actions import ACTIONS, Action
from daytrader.web.page.trade.amounts import amount_of, symbol_of
from daytrader.web.page.trade.live import View, Wanted
from daytrader.web.page.trade.outcome import Outcome, outcome_of
from daytrader.web.page.trade.part_stream import PartStream
from daytrader.web.page.trade.past import KINDS, Filter
from daytrader.web.page.trade.picture import picture, watched_symbols
from daytrader.web.page.trade.seen import Seen
from daytrader.web.page.trade.statement import Format, Statement
from daytrader.web.page.view import render, text
from daytrader.web.page.visitor import Visitor
from daytrader.web.sse import Streams

_FORMATS: Final[tuple[Format, ...]] = get_args(Format)


class Trading:
    """The pages of accounts. Commands go to the desk, what is shown comes from the hub."""

    def __init__(self, pages: Pages, desk: Desk, dumps: Dumps, hub: Hub, streams: Streams, clock: Clock) -> None:
        self._pages = pages
        self._desk = desk
        self._dumps = dumps
        self._hub = hub
        self._streams = streams
        self._clock = clock
        self._seen = Seen()

    def routes(self) -> list[Route]:
        """Return their routes."""
        pages = self._pages
        return [
            pages.get("/trade", self._choose),
            pages.get("/history", self._choose),
            pages.get("/trade/{user}", self._show_trade),
            pages.get("/history/{user}", self._show_history),
            pages.get("/trade/{user}/live", self._stream),
            *(pages.get(f"/trade/{{user}}/log.{form}", self._log) for form in _FORMATS),
            pages.post("/trade/{user}/{action}", self._act),
        ]

    # Pages.

    async def _choose(self, request: Request, visitor: Visitor) -> Response:
        """Go on to the account that is the visitor's own, or was chosen; or let it be chosen."""
        user = request.query_params.get("user", "").strip() or visitor.user
        if not user:
            return render(request, visitor, "trade/choose.html", user="")
        if not _is_user(user):
            return render(request, visitor, "trade/choose.html", 400, user=user)
        path = f"{request.url.path}/{user}"
        onward = SeeOther(path)
        onward.told = visitor.told
        return onward

    async def _show_trade(self, request: Request, visitor: Visitor) -> Response:
        user = _user(request, visitor)
        symbol = symbol_of(request.query_params.get("symbol", ""))[:3]
        return await self._page(request, visitor, "trade/trade.html", user, symbol=symbol)

    async def _show_history(self, request: Request, visitor: Visitor) -> Response:
        user = _user(request, visitor)
        wanted = Filter.of(request.query_params)
        return await self._page(
            request, visitor, "trade/past.html", user, wanted=wanted, kinds=KINDS, query=_query(wanted)
        )

    async def _page(
        self,
        request: Request,
        visitor: Visitor,
        template: str,
        user: str,
        *,
        symbol: str = "",
        wanted: Filter | None = None,
        **context: object,
    ) -> Response:
        done = visitor.told.request if visitor.told is not None else ""
        try:
            update = await account_now(self._hub, user, done)
        except AwayError:
            return render(request, visitor, "trade/away.html", 503, user=user)
        await learn_quotes(self._hub, self._seen, watched_symbols(update.account) | ({symbol} if symbol else set()))
        shown = picture(user, update.account, self._seen, self._clock(), symbol=symbol, wanted=wanted)
        return render(
            request,
            visitor,
            template,
            200,
            user=user,
            account=user,
            picture=shown,
            symbol=symbol or (shown.quote.symbol if shown.quote is not None else ""),
            chosen=symbol,
            event=str(update.id),
            key=secrets.token_urlsafe(12),
            **context,
        )

    async def _stream(self, request: Request, visitor: Visitor) -> Response:
        query = request.query_params
        view: View = "history" if query.get("view") == "history" else "trade"
        wanted = Wanted(
            _user(request, visitor),
            visitor.csrf,
            view,
            symbol_of(query.get("symbol", ""))[:3] if view == "trade" else "",
            Filter.of(query) if view == "history" else None,
        )
        after = EventId.parse(request.headers.get("last-event-id", "") or query.get("after", ""))
        return PartStream(
            self._hub,
            self._streams,
            self._seen,
            self._clock,
            wanted,
            after=after,
            name=visitor.user,
            still=self._pages.still(request, lambda now: now.may_see(wanted.user)),
        )

    async def _log(self, request: Request, visitor: Visitor) -> Response:
        user = _user(request, visitor)
        form: Format = "csv" if request.url.path.endswith(".csv") else "xml"
        asked = self._desk.request(parse("DUMPLOG", user), None, _caller(visitor))
        return Statement(self._dumps, asked, f"{user}-log", form)

    # Actions.

    async def _act(self, request: Request, visitor: Visitor, form: Form) -> Response:
        user = _user(request, visitor)
        action = ACTIONS.get(request.path_params["action"])
        if action is None:
            raise RefusedError(404, "There is no such action")
        outcome = await self._done(action, user, visitor, form)
        if for_script(request):
            return HTMLResponse(text("trade/outcome.html", outcome=outcome), outcome.status)
        symbol = symbol_of(form.get("symbol", ""))
        query = f"?{urlencode({'symbol': symbol})}" if action.place == "ticket" and symbol else ""
        onward = SeeOther(f"/trade/{user}{query}#{action.place}")
        onward.told = Told(outcome.text, not outcome.ok, action.place, outcome.request)
        return onward

    async def _done(self, action: Action, user: str, visitor: Visitor, form: Form) -> Outcome:
        """Have a command decided, and return what came of it."""
        command = parse(action.command, user, symbol_of(form.get("symbol", "")), amount_of(form.get("amount", "")))
        key = form.get("key", "")
        request = self._desk.request(command, key.encode("utf-8", "replace") if key else None, _caller(visitor))
        reply = await self._desk.decide(request, action.command)
        outcome = outcome_of(action, request, reply)
        if outcome.quote is not None:
            self._seen.note_asked(user, outcome.quote)
        return outcome


def _is_user(name: str) -> bool:
    return bool(parse("DISPLAY_SUMMARY", name).user)


def _user(request: Request, visitor: Visitor) -> str:
    """Return the user whose page it is. Raises RefusedError where there is none, or it is not the visitor's."""
    user: str = request.path_params["user"]
    if not visitor.may_see(user):
        raise RefusedError(403, NOT_YOURS.text)
    if not _is_user(user):
        raise RefusedError(404, "No user has such a name: it is one to 64 letters and digits")
    return user


def _caller(visitor: Visitor) -> Caller | None:
    """Return who gives the commands; None: somebody who may give all, as everybody does in open mode."""
    return None if visitor.open else visitor.caller


def _query(wanted: Filter) -> str:
    return urlencode({name: value for name in wanted.__struct_fields__ if (value := getattr(wanted, name))})
