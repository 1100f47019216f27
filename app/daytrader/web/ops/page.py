"""The operations page: as a whole, its live fragments, and its buttons."""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from daytrader.auth.guard import Denied
from daytrader.web.ops.board import FRAGMENTS, LAYOUT
from daytrader.web.ops.breaking import BreakageError
from daytrader.web.ops.operations import Operations
from daytrader.web.page.form import Form, RefusedError
from daytrader.web.page.pages import Pages, SeeOther, admins
from daytrader.web.page.view import render, text
from daytrader.web.page.visitor import Visitor

PATH: Final = "/operations"

MOST_STREAMS: Final = 32
"""Live pages a replica serves; each costs a few milliseconds a second."""

ASK_AGAIN: Final = 5.0
"""Seconds after which it is looked at again whether a stream's visitor is still an admin."""

HEARTBEAT: Final = 15.0
"""Seconds of silence after which a comment is sent, so that who is gone is noticed."""


class OperationsPages:
    """For admins, and in open mode for everybody."""

    def __init__(self, pages: Pages, operations: Operations) -> None:
        self._pages = pages
        self._operations = operations
        self._streams = 0

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
        if self._streams >= MOST_STREAMS:
            raise RefusedError(429, f"{self._streams} live pages are open, no more at once: close one", 5)
        return StreamingResponse(self._events(request), media_type="text/event-stream")

    async def _events(self, request: Request) -> AsyncGenerator[str, None]:
        """Yield each fragment at once, and then again whenever it has changed."""
        sent: dict[str, str] = {}
        self._streams += 1
        said_at = asked_at = time.monotonic()
        try:
            async with aclosing(self._operations.recorder.changes()) as changes:
                async for _ in changes:
                    now = time.monotonic()
                    if now - asked_at >= ASK_AGAIN:
                        asked_at = now
                        if not await self._may_go_on(request):
                            return
                    changed = await self._changed(sent)
                    if changed:
                        yield f"data: {changed}\n\n"
                        said_at = now
                    elif now - said_at >= HEARTBEAT:
                        yield ":\n\n"
                        said_at = now
                    if self._operations.draining:
                        return
        finally:
            self._streams -= 1

    async def _may_go_on(self, request: Request) -> bool:
        visitor = await self._pages.visitors.of(request)
        return not isinstance(visitor, Denied) and admins(visitor)

    async def _changed(self, sent: dict[str, str]) -> str:
        """Return the fragments that are not as in `sent`, in one line, and note them there."""
        board = await self._operations.board()
        changed = []
        for name in FRAGMENTS:
            fragment = text(f"ops/{name}.html", board=board).replace("\n", " ")
            if sent.get(name) != fragment:
                sent[name] = fragment
                changed.append(fragment)
        return "".join(changed)

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
