"""The operations page: as a whole, its live fragments, and its buttons."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from daytrader.web.ops.board import LAYOUT
from daytrader.web.ops.breaking import BreakageError
from daytrader.web.ops.fragments import Fragments
from daytrader.web.ops.operations import Operations
from daytrader.web.page.form import Form, RefusedError
from daytrader.web.page.html_stream import HtmlStream
from daytrader.web.page.pages import Pages, SeeOther, admins
from daytrader.web.page.view import render
from daytrader.web.page.visitor import Visitor
from daytrader.web.sse import Streams

PATH: Final = "/operations"

_LIVE: Final = "The operations page"
"""What its streams count among."""


class OperationsPages:
    """For admins, and in open mode for everybody."""

    def __init__(self, pages: Pages, operations: Operations, streams: Streams) -> None:
        self._pages = pages
        self._operations = operations
        self._streams = streams

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            self._pages.get(PATH, self._show, admins),
            self._pages.get(f"{PATH}/live", self._live, admins),
            self._pages.get(f"{PATH}/break", self._confirm, admins),
            self._pages.post(f"{PATH}/break", self._break, admins),
        ]

    async def _show(self, request: Request, visitor: Visitor) -> Response:
        await self._operations.recorder.look_if_older()
        board = await self._operations.board()
        return render(request, visitor, "operations.html", board=board, layout=LAYOUT)

    async def _live(self, request: Request, visitor: Visitor) -> Response:  # noqa: ARG002 - every page gets it
        still = self._pages.still(request, admins)
        return HtmlStream(self._streams, lambda: Fragments(self._operations), still, _LIVE)

    async def _confirm(self, request: Request, visitor: Visitor) -> Response:
        try:
            offer = await self._operations.offer(request.query_params.get("what", ""))
        except BreakageError as error:
            raise RefusedError(409, str(error)) from error
        return render(request, visitor, "ops-confirm.html", offer=offer)

    async def _break(self, request: Request, visitor: Visitor, form: Form) -> Response:  # noqa: ARG002
        try:
            did = await self._operations.break_(form.get("what", ""))
        except BreakageError as error:
            return SeeOther(PATH, str(error), trouble=True)
        return SeeOther(PATH, f"Done: {did}. What becomes of it stands below.")
