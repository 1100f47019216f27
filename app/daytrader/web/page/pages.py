"""How a page comes to be: who looks at it, whether that is theirs to see, and what is answered where it is not."""

from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from daytrader.auth.guard import NOT_YOURS, Denied
from daytrader.auth.password import BusyError
from daytrader.auth.port import AuthUnavailableError
from daytrader.web.api.problems import ProblemError
from daytrader.web.page.form import Form, RefusedError
from daytrader.web.page.told import Told
from daytrader.web.page.view import trouble
from daytrader.web.page.visitor import Visitor, Visitors
from daytrader.web.parameters import UnreadableError

Show = Callable[[Request, Visitor], Awaitable[Response]]
Act = Callable[[Request, Visitor, Form], Awaitable[Response]]
Who = Callable[[Visitor], bool]


def anybody(_: Visitor) -> bool:
    """Everybody, signed in or not."""
    return True


def signed_in(visitor: Visitor) -> bool:
    """Whoever is signed in; in open mode everybody."""
    return visitor.caller is not None


def brokers(visitor: Visitor) -> bool:
    """Whoever trades as any user."""
    return visitor.any_user


def admins(visitor: Visitor) -> bool:
    """Admins; in open mode everybody."""
    return visitor.admin


class SeeOther(RedirectResponse):
    """Sends the browser to another page of ours (303), which says `told`."""

    def __init__(self, path: str, told: str = "", *, trouble: bool = False, session: str | None = None) -> None:
        """`session` is what the browser shows from now on; empty: none; None: what it showed until now."""
        super().__init__(path, 303)
        self.session = session
        self.told = Told(told, trouble) if told else None


class Pages:
    """Makes routes of handlers."""

    def __init__(self, visitors: Visitors) -> None:
        self.visitors = visitors

    def get(self, path: str, show: Show, who: Who = signed_in) -> Route:
        """Return the route of a page (or of a stream) that is for `who`."""

        async def answer(request: Request, visitor: Visitor) -> Response:
            return await show(request, visitor)

        return self._route(path, answer, who, "GET")

    def post(self, path: str, act: Act, who: Who = signed_in) -> Route:
        """Return the route to which forms are sent; `act` gets their fields, once they are known to be ours."""

        async def answer(request: Request, visitor: Visitor) -> Response:
            return await act(request, visitor, await self.visitors.form(request, visitor))

        return self._route(path, answer, who, "POST")

    def upload(self, path: str, take: Show, who: Who = signed_in) -> Route:
        """Return the route of a large body, which `take` reads; it calls `Visitors.check` itself, with what came."""

        async def answer(request: Request, visitor: Visitor) -> Response:
            self.visitors.check_origin(request)
            return await take(request, visitor)

        return self._route(path, answer, who, "POST")

    def still(self, request: Request, who: Who) -> Callable[[], Awaitable[bool]]:
        """Return what tells whether a stream that goes on is still for its visitor; where nobody knows it is."""

        async def may_still() -> bool:
            now = await self.visitors.of(request)
            return now.status in (429, 503) if isinstance(now, Denied) else who(now)

        return may_still

    def _route(self, path: str, show: Show, who: Who, method: str) -> Route:
        async def endpoint(request: Request) -> Response:
            visitor = await self.visitors.of(request)
            if isinstance(visitor, Denied):
                answer = _say(request, _UNKNOWN, visitor.status, f"{visitor.text} right now: try again in a moment")
                answer.headers["Retry-After"] = "1"
                return answer
            try:
                response = await show(request, visitor) if who(visitor) else _not_for(request, visitor)
            except _REFUSALS as error:
                response = refused(request, visitor, error)
            if isinstance(response, SeeOther):
                self.visitors.settle(response, visitor, response.told, response.session)
            else:
                self.visitors.settle(response, visitor, shown=isinstance(response, HTMLResponse))
            return response

        return Route(path, endpoint, methods=[method])


_UNKNOWN: Final = Visitor(caller=None, csrf="", open=False)
"""Who looks, where that cannot be found out right now; gets no cookies."""

_REFUSALS: Final = (RefusedError, UnreadableError, ProblemError, AuthUnavailableError, BusyError)


def refused(request: Request, visitor: Visitor, error: Exception) -> Response:
    """Return the page, or for a script the text, that says why nothing was done."""
    retry_after = 0
    if isinstance(error, RefusedError):
        status, words, retry_after = error.status, error.text, error.retry_after
    elif isinstance(error, UnreadableError):
        status, words = error.status, error.text
    elif isinstance(error, ProblemError):
        status, words = error.kind.status, error.detail
    elif isinstance(error, BusyError):
        status, words, retry_after = 429, "Too many are signing in: try again in a moment", 1
    else:
        status, words, retry_after = 503, "Identities cannot be looked up right now: try again in a moment", 1
    response = _say(request, visitor, status, words)
    if retry_after:
        response.headers["Retry-After"] = str(retry_after)
    return response


def for_script(request: Request) -> bool:
    """Return whether a script of ours asks, and wants a fragment or a stream instead of a page."""
    return "x-fragment" in request.headers or "text/event-stream" in request.headers.get("accept", "")


def _not_for(request: Request, visitor: Visitor) -> Response:
    if visitor.caller is not None:
        return _say(request, visitor, 403, NOT_YOURS.text)
    if request.method == "GET" and not for_script(request):
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return SeeOther(f"/sign-in?next={quote(path, safe='')}")
    return _say(request, visitor, 401, "Nobody is signed in (any more): sign in, and do it again")


def _say(request: Request, visitor: Visitor, status: int, words: str) -> Response:
    if for_script(request):
        return PlainTextResponse(words, status)
    return trouble(request, visitor, status, words)
