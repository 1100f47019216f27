"""The pages' routes, and what is answered where there is none."""

from collections.abc import Callable, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from daytrader.auth.entrance import Entrance
from daytrader.auth.guard import Denied
from daytrader.web.api.desk import Desk
from daytrader.web.page.has_account import has_account_at
from daytrader.web.page.headers import SafeHeaders
from daytrader.web.page.own_path import HOME
from daytrader.web.page.pages import Pages, SeeOther, anybody
from daytrader.web.page.people import People
from daytrader.web.page.statics import static_routes
from daytrader.web.page.tokens import AllTokens, OwnTokens
from daytrader.web.page.users import Users
from daytrader.web.page.view import render, trouble
from daytrader.web.page.visitor import Visitor, Visitors

More = Callable[[Pages], Sequence[BaseRoute]]
"""Makes the routes of further pages."""


def page_app(visitors: Visitors, entrance: Entrance | None, desk: Desk, *more: More) -> Starlette:
    """Return the ASGI app of all pages, `more` among them.

    `entrance` makes sessions; None: the mode is open, nobody signs in. `desk` is where commands are decided, `more` are
    the pages that others bring.
    """
    app = Starlette(
        routes=page_routes(Pages(visitors), entrance, desk, *more),
        middleware=[Middleware(SafeHeaders, proxies=visitors.proxies)],
        exception_handlers={HTTPException: _Trouble(visitors)},
    )
    app.router.redirect_slashes = False
    return app


def page_routes(pages: Pages, entrance: Entrance | None, desk: Desk, *more: More) -> list[BaseRoute]:
    """Return the routes of all pages."""
    routes: list[BaseRoute] = [
        Route("/favicon.ico", _no_content),
        *static_routes(),
        pages.get("/", _show_landing, anybody),
    ]
    if entrance is not None:
        routes += People(pages, entrance, has_account_at(desk)).routes()
        routes += OwnTokens(pages, entrance).routes()
        routes += Users(pages, entrance).routes()
        routes += AllTokens(pages, entrance).routes()
    for routes_of in more:
        routes += routes_of(pages)
    return routes


async def _show_landing(request: Request, visitor: Visitor) -> Response:
    """Tell what this is, or go on to trading where somebody is signed in."""
    return SeeOther(HOME) if visitor.caller is not None else render(request, visitor, "landing.html")


async def _no_content(_: Request) -> Response:
    return Response(status_code=204)


class _Trouble:
    """Answers a path that is none, or a method that it does not have."""

    def __init__(self, visitors: Visitors) -> None:
        self._visitors = visitors

    async def __call__(self, request: Request, error: Exception) -> Response:
        status, headers = 404, None
        words = "There is nothing at this address"
        if isinstance(error, HTTPException) and error.status_code == 405:
            status, headers, words = 405, error.headers, "This address is not for that"
        visitor = await self._visitors.of(request)
        if isinstance(visitor, Denied):
            return PlainTextResponse(words, status, headers)
        response = trouble(request, visitor, status, words)
        response.headers.update(headers or {})
        return response
