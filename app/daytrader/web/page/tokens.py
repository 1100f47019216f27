"""Bearer tokens for programs: everybody's own, and for admins all there are. The text of one is shown once."""

from abc import ABC, abstractmethod
from typing import ClassVar, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from daytrader.auth.entrance import Entrance
from daytrader.auth.guard import NOT_YOURS
from daytrader.auth.identity import Identity
from daytrader.auth.role import Role
from daytrader.auth.token import Token, new_text, stored, stored_for
from daytrader.web.page.form import Form, RefusedError
from daytrader.web.page.new_token import NewToken, new_token
from daytrader.web.page.pages import Pages, SeeOther, Who, admins, signed_in
from daytrader.web.page.view import render
from daytrader.web.page.visitor import Visitor

MOST: Final = 50
"""Tokens that are good at a time, of one identity."""

_ROLES: Final[dict[str, Role]] = {"broker": "broker", "admin": "admin"}


class _Tokens(ABC):
    """A page that shows tokens that are good, makes new ones, and revokes them."""

    path: ClassVar[str]
    template: ClassVar[str]
    who: ClassVar[Who]

    def __init__(self, pages: Pages, entrance: Entrance) -> None:
        self._pages = pages
        self._store = entrance.store
        self._guard = entrance.guard
        self._clock = entrance.clock

    def routes(self) -> list[Route]:
        """Return the routes of the page and its forms."""
        pages, path, who = self._pages, self.path, type(self).who
        return [
            pages.get(path, self._show, who),
            pages.post(path, self._make, who),
            pages.post(f"{path}/{{id}}/revoke", self._revoke, who),
        ]

    @abstractmethod
    async def _of(self, visitor: Visitor) -> list[Token]:
        """Return the tokens that the visitor sees, those that are good no longer included."""

    @abstractmethod
    async def _new(self, visitor: Visitor, form: Form, wanted: NewToken, text: str, now: int) -> Token:
        """Return a new token as it is stored. Raises RefusedError."""

    async def _show(self, request: Request, visitor: Visitor) -> Response:
        return await self._page(request, visitor)

    async def _make(self, request: Request, visitor: Visitor, form: Form) -> Response:
        wanted, text = new_token(form), new_text()
        await self._store.add_token(await self._new(visitor, form, wanted, text, self._clock()))
        return await self._page(request, visitor, made=text, made_name=wanted.name)

    async def _revoke(self, request: Request, visitor: Visitor, _: Form) -> Response:
        asked = request.path_params["id"]
        found = next((one for one in await self._of(visitor) if one.id == asked), None)
        if found is None:
            raise RefusedError(404, "There is no such token")
        revoked = await self._store.revoke(found.id, self._clock())
        self._guard.forget(found.identity or found.name)
        return SeeOther(self.path, f"{found.name} is revoked" if revoked else f"{found.name} was revoked before")

    async def _page(self, request: Request, visitor: Visitor, made: str = "", made_name: str = "") -> Response:
        now = self._clock()
        tokens = [one for one in await self._of(visitor) if _good(one, now)]
        return render(request, visitor, self.template, tokens=tokens, own=self.path, made=made, made_name=made_name)


class OwnTokens(_Tokens):
    """The tokens that act as whoever looks."""

    path = "/tokens"
    template = "tokens.html"
    who = signed_in

    async def _of(self, visitor: Visitor) -> list[Token]:
        return await self._of_identity(await self._owner(visitor))

    async def _new(self, visitor: Visitor, form: Form, wanted: NewToken, text: str, now: int) -> Token:  # noqa: ARG002
        owner = await self._owner(visitor)
        if sum(_good(one, now) for one in await self._of_identity(owner)) >= MOST:
            raise RefusedError(422, f"There are {MOST} tokens already: revoke one first")
        return stored_for(owner, text, wanted.name, now=now, expires=wanted.expires(now))

    async def _owner(self, visitor: Visitor) -> Identity:
        found = await self._store.identity(visitor.caller.name) if visitor.caller is not None else None
        if found is None or found.removed:
            raise RefusedError(403, NOT_YOURS.text)
        return found

    async def _of_identity(self, owner: Identity) -> list[Token]:
        found = await self._store.tokens(owner.name)
        return [one for one in found if one.identity_created == owner.created]


class AllTokens(_Tokens):
    """All tokens of the installation, which only admins see and revoke; they make those that are no identity's."""

    path = "/users/tokens"
    template = "users-tokens.html"
    who = admins

    async def _of(self, visitor: Visitor) -> list[Token]:  # noqa: ARG002 - an admin sees all
        return await self._store.tokens()

    async def _new(self, visitor: Visitor, form: Form, wanted: NewToken, text: str, now: int) -> Token:  # noqa: ARG002
        role = _ROLES.get(form.get("role", ""))
        if role is None:
            raise RefusedError(422, "A token that is no identity's is a broker's or an admin's")
        return stored(text, wanted.name, role, now=now, expires=wanted.expires(now))


def _good(token: Token, now: int) -> bool:
    return not token.revoked and (not token.expires or token.expires > now)
