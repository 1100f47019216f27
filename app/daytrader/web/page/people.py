"""Signing up, in and out, and a new password."""

import math
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from daytrader.auth.entrance import Entrance, NotTakenError
from daytrader.auth.sign_in import SignInError, TooManyTriesError
from daytrader.web.page.form import Form, RefusedError
from daytrader.web.page.own_path import HOME, own_path
from daytrader.web.page.pages import Pages, SeeOther, anybody, signed_in
from daytrader.web.page.view import render
from daytrader.web.page.visitor import Visitor


class People:
    """The pages on which people come and go."""

    def __init__(self, pages: Pages, entrance: Entrance, has_account: Callable[[str], Awaitable[bool]]) -> None:
        """`has_account` tells whether somebody has traded under a userid."""
        self._pages = pages
        self._visitors = pages.visitors
        self._entrance = entrance
        self._has_account = has_account

    def routes(self) -> list[Route]:
        """Return their routes."""
        pages = self._pages
        return [
            pages.get("/sign-in", self._show_sign_in, anybody),
            pages.post("/sign-in", self._sign_in, anybody),
            pages.get("/sign-up", self._show_sign_up, anybody),
            pages.post("/sign-up", self._sign_up, anybody),
            pages.get("/sign-out", self._show_sign_out, anybody),
            pages.post("/sign-out", self._sign_out, anybody),
            pages.get("/password", self._show_password, signed_in),
            pages.post("/password", self._change_password, signed_in),
        ]

    async def _show_sign_in(self, request: Request, visitor: Visitor) -> Response:
        onward = own_path(request.query_params.get("next", HOME))
        return _form(request, visitor, "sign-in.html", {}, onward=onward)

    async def _sign_in(self, request: Request, visitor: Visitor, form: Form) -> Response:
        onward = own_path(form.get("next", HOME))
        try:
            session = await self._entrance.sign_in(_name(form), form.get("password", ""), self._address(request))
        except SignInError as error:
            return _again(request, visitor, "sign-in.html", form, error, onward=onward)
        return await self._come_in(visitor, session, onward)

    async def _show_sign_up(self, request: Request, visitor: Visitor) -> Response:
        return _form(request, visitor, "sign-up.html", {})

    async def _sign_up(self, request: Request, visitor: Visitor, form: Form) -> Response:
        name, password = _name(form), form.get("password", "")
        try:
            if password != form.get("again", ""):
                raise NotTakenError("The two passwords are not the same")
            session = await self._entrance.sign_up(name, password, self._address(request), self._has_account)
        except (NotTakenError, SignInError) as error:
            return _again(request, visitor, "sign-up.html", form, error)
        return await self._come_in(visitor, session, HOME, f"Welcome, {name}: the account is yours")

    async def _show_sign_out(self, request: Request, visitor: Visitor) -> Response:
        return render(request, visitor, "sign-out.html")

    async def _sign_out(self, _request: Request, visitor: Visitor, _: Form) -> Response:
        if visitor.caller is not None:
            await self._entrance.sign_out(visitor.caller.name, visitor.session)
        return SeeOther("/", session="")

    async def _show_password(self, request: Request, visitor: Visitor) -> Response:
        return _form(request, visitor, "password.html", {})

    async def _change_password(self, request: Request, visitor: Visitor, form: Form) -> Response:
        if visitor.caller is None:
            raise RefusedError(401, "Nobody is signed in")
        old, new, name = form.get("old", ""), form.get("password", ""), visitor.caller.name
        try:
            if new != form.get("again", ""):
                raise NotTakenError("The two new passwords are not the same")
            session = await self._entrance.change_password(name, old, new, self._address(request))
        except (NotTakenError, SignInError) as error:
            return _again(request, visitor, "password.html", form, error)
        words = "The password is changed; whoever was signed in with the old one is not any more"
        return await self._come_in(visitor, session, HOME, words)

    async def _come_in(self, visitor: Visitor, session: str, onward: str, told: str = "") -> Response:
        """Send the browser on, with a session that nobody can have known before: the one it had is over."""
        if visitor.caller is not None:
            await self._entrance.sign_out(visitor.caller.name, visitor.session)
        return SeeOther(onward, told, session=session)

    def _address(self, request: Request) -> str:
        return self._visitors.proxies.client(request)


def _name(form: Form) -> str:
    return form.get("name", "").strip()


def _form(
    request: Request, visitor: Visitor, template: str, form: Form, status: int = 200, why: str = "", **more: object
) -> Response:
    return render(request, visitor, template, status, name=_name(form), why=why, **more)


def _again(request: Request, visitor: Visitor, template: str, form: Form, error: Exception, **more: object) -> Response:
    """Return the page with its form, what was typed into it except passwords, and why it was not taken."""
    if isinstance(error, TooManyTriesError):
        seconds = math.ceil(error.wait_ms / 1_000)
        response = _form(request, visitor, template, form, 429, f"{error} ({seconds} s)", **more)
        response.headers["Retry-After"] = str(seconds)
        return response
    return _form(request, visitor, template, form, 422, str(error), **more)
