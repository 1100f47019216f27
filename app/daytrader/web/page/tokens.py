"""Bearer tokens for programs: everybody's own, and for admins all there are. The text of one is shown once."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from daytrader.auth.entrance import Entrance
from daytrader.auth.guard import NOT_YOURS
from daytrader.auth.identity import Identity
from daytrader.auth.role import Role
from daytrader.auth.token import Token, new_text, stored, stored_for
from daytrader.web.page.form import Form, RefusedError
from daytrader.web.page.new_token import new_token
from daytrader.web.page.pages import Pages, SeeOther, admins
from daytrader.web.page.view import render
from daytrader.web.page.visitor import Visitor

MOST: Final = 50
"""Tokens that are good at a time, of one identity."""

_ROLES: Final[dict[str, Role]] = {"broker": "broker", "admin": "admin"}


class OwnTokens:
    """The tokens that act as whoever looks."""

    def __init__(self, pages: Pages, entrance: Entrance) -> None:
        self._pages = pages
        self._store = entrance.store
        self._guard = entrance.guard
        self._clock = entrance.clock

    def routes(self) -> list[Route]:
        """Return the routes of the page and its forms."""
        pages = self._pages
        return [
            pages.get("/tokens", self._show),
            pages.post("/tokens", self._make),
            pages.post("/tokens/{id}/revoke", self._revoke),
        ]

    async def _show(self, request: Request, visitor: Visitor) -> Response:
        return await self._page(request, visitor)

    async def _make(self, request: Request, visitor: Visitor, form: Form) -> Response:
        wanted, owner, now = new_token(form), await self._owner(visitor), self._clock()
        if sum(_good(one, now) for one in await self._of(owner)) >= MOST:
            raise RefusedError(422, f"There are {MOST} tokens already: revoke one first")
        text = new_text()
        await self._store.add_token(stored_for(owner, text, wanted.name, now=now, expires=wanted.expires(now)))
        return await self._page(request, visitor, made=text, made_name=wanted.name)

    async def _revoke(self, request: Request, visitor: Visitor, _: Form) -> Response:
        owner = await self._owner(visitor)
        found = await self._store.token(request.path_params["id"])
        if found is None or found.session or found.identity != owner.name:
            raise RefusedError(404, "There is no such token")
        revoked = await self._store.revoke(found.id, self._clock())
        self._guard.forget(owner.name)
        return SeeOther("/tokens", f"{found.name} is revoked" if revoked else f"{found.name} was revoked before")

    async def _page(self, request: Request, visitor: Visitor, made: str = "", made_name: str = "") -> Response:
        tokens, now = await self._of(await self._owner(visitor)), self._clock()
        good = [one for one in tokens if _good(one, now)]
        return render(request, visitor, "tokens.html", tokens=good, made=made, made_name=made_name)

    async def _owner(self, visitor: Visitor) -> Identity:
        found = await self._store.identity(visitor.caller.name) if visitor.caller is not None else None
        if found is None or found.removed:
            raise RefusedError(403, NOT_YOURS.text)
        return found

    async def _of(self, owner: Identity) -> list[Token]:
        found = await self._store.tokens(owner.name)
        return [one for one in found if one.identity_created == owner.created]


class AllTokens:
    """All tokens of the installation, which only admins see and revoke; they make those that are no identity's."""

    def __init__(self, pages: Pages, entrance: Entrance) -> None:
        self._pages = pages
        self._store = entrance.store
        self._guard = entrance.guard
        self._clock = entrance.clock

    def routes(self) -> list[Route]:
        """Return the routes of the page and its forms."""
        pages = self._pages
        return [
            pages.get("/users/tokens", self._show, admins),
            pages.post("/users/tokens", self._make, admins),
            pages.post("/users/tokens/{id}/revoke", self._revoke, admins),
        ]

    async def _show(self, request: Request, visitor: Visitor) -> Response:
        return await self._page(request, visitor)

    async def _make(self, request: Request, visitor: Visitor, form: Form) -> Response:
        wanted, role, now = new_token(form), _ROLES.get(form.get("role", "")), self._clock()
        if role is None:
            raise RefusedError(422, "A token that is no identity's is a broker's or an admin's")
        text = new_text()
        await self._store.add_token(stored(text, wanted.name, role, now=now, expires=wanted.expires(now)))
        return await self._page(request, visitor, made=text, made_name=wanted.name)

    async def _revoke(self, request: Request, _visitor: Visitor, _: Form) -> Response:
        found = await self._store.token(request.path_params["id"])
        if found is None or found.session:
            raise RefusedError(404, "There is no such token")
        revoked = await self._store.revoke(found.id, self._clock())
        self._guard.forget(found.identity or found.name)
        return SeeOther("/users/tokens", f"{found.name} is revoked" if revoked else f"{found.name} was revoked before")

    async def _page(self, request: Request, visitor: Visitor, made: str = "", made_name: str = "") -> Response:
        now = self._clock()
        tokens = [one for one in await self._store.tokens() if _good(one, now)]
        return render(request, visitor, "users-tokens.html", tokens=tokens, made=made, made_name=made_name)


def _good(token: Token, now: int) -> bool:
    return not token.revoked and (not token.expires or token.expires > now)
