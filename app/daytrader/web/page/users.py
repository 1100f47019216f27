"""Identities, as an admin keeps them: adding, new passwords, removing and bringing back."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from daytrader.auth.entrance import Entrance, NotTakenError
from daytrader.auth.identity import Identity
from daytrader.auth.role import Role
from daytrader.web.page.form import Form, RefusedError
from daytrader.web.page.pages import Pages, SeeOther, admins
from daytrader.web.page.view import render
from daytrader.web.page.visitor import Visitor

PAGE: Final = "/users"

_ROLES: Final[dict[str, Role]] = {"trader": "trader", "broker": "broker", "admin": "admin"}


class Users:
    """The page of all identities."""

    def __init__(self, pages: Pages, entrance: Entrance) -> None:
        self._pages = pages
        self._entrance = entrance
        self._store = entrance.store

    def routes(self) -> list[Route]:
        """Return the routes of the page and its forms."""
        pages = self._pages
        return [
            pages.get(PAGE, self._show, admins),
            pages.post(PAGE, self._add, admins),
            pages.get(f"{PAGE}/of/{{name}}", self._show_one, admins),
            pages.post(f"{PAGE}/of/{{name}}/password", self._set_password, admins),
            pages.post(f"{PAGE}/of/{{name}}/remove", self._remove, admins),
        ]

    async def _show(self, request: Request, visitor: Visitor) -> Response:
        return await self._page(request, visitor)

    async def _page(self, request: Request, visitor: Visitor, form: Form | None = None, why: str = "") -> Response:
        identities = await self._store.identities()
        status = 422 if why else 200
        return render(request, visitor, "users.html", status, identities=identities, form=form or {}, why=why)

    async def _add(self, request: Request, visitor: Visitor, form: Form) -> Response:
        name, role = form.get("name", "").strip(), _ROLES.get(form.get("role", ""))
        again = form.get("back") == "yes"
        try:
            if role is None:
                raise NotTakenError("Somebody is a trader, a broker or an admin")
            await self._entrance.add(name, role, form.get("password", ""), again=again)
        except NotTakenError as error:
            return await self._page(request, visitor, form, str(error))
        return SeeOther(PAGE, f"{name} is {'an' if role == 'admin' else 'a'} {role}")

    async def _show_one(self, request: Request, visitor: Visitor) -> Response:
        return await self._page_of(request, visitor)

    async def _page_of(self, request: Request, visitor: Visitor, why: str = "") -> Response:
        status = 422 if why else 200
        return render(request, visitor, "user.html", status, one=await self._named(request), why=why)

    async def _set_password(self, request: Request, visitor: Visitor, form: Form) -> Response:
        one = await self._named(request)
        try:
            await self._entrance.set_password(one, form.get("password", ""))
        except NotTakenError as error:
            return await self._page_of(request, visitor, str(error))
        return SeeOther(PAGE, f"{one.name} has a new password, and is signed in nowhere")

    async def _remove(self, request: Request, visitor: Visitor, _: Form) -> Response:
        one = await self._named(request)
        if visitor.caller is not None and visitor.caller.name == one.name:
            return await self._page_of(request, visitor, "Nobody removes themselves: another admin has to")
        await self._entrance.remove(one.name)
        return SeeOther(PAGE, f"{one.name} is removed")

    async def _named(self, request: Request) -> Identity:
        found = await self._store.identity(request.path_params["name"])
        if found is None or found.removed:
            raise RefusedError(404, "Nobody has that name")
        return found
