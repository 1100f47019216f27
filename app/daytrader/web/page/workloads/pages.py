"""The page on which brokers upload a workload file, watch it run and read what came of it."""

from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from daytrader.auth.guard import NOT_YOURS
from daytrader.auth.role import Caller
from daytrader.clock import Clock
from daytrader.web.page.form import Form, RefusedError
from daytrader.web.page.html_stream import HtmlStream
from daytrader.web.page.pages import Pages, SeeOther, brokers
from daytrader.web.page.view import render, text
from daytrader.web.page.visitor import Visitor
from daytrader.web.page.workloads.looking import Looking
from daytrader.web.page.workloads.runs import LONGEST_FILE, BusyError, Runs
from daytrader.web.page.workloads.upload import read_upload
from daytrader.web.sse import Streams

PATH: Final = "/workloads"


class WorkloadPages:
    """The page and what it sends to."""

    def __init__(self, pages: Pages, runs: Runs, streams: Streams, clock: Clock) -> None:
        self._pages = pages
        self._runs = runs
        self._streams = streams
        self._clock = clock

    def routes(self) -> list[Route]:
        """Return their routes."""
        pages = self._pages
        return [
            pages.get(PATH, self._show, brokers),
            pages.upload(PATH, self._take, brokers),
            pages.get(f"{PATH}/live", self._stream, brokers),
            pages.get(f"{PATH}/log.xml", self._log, brokers),
            pages.post(f"{PATH}/stop", self._stop, brokers),
        ]

    async def _show(self, request: Request, visitor: Visitor) -> Response:
        mebibytes = LONGEST_FILE // 1024 // 1024
        context = self._context(visitor)
        return render(request, visitor, "workloads/workloads.html", 200, largest=mebibytes, **context)

    def _context(self, visitor: Visitor) -> dict[str, object]:
        report = self._runs.report
        theirs = report is not None and self._runs.may_see(_caller(visitor), report.owner)
        return {"report": report, "theirs": theirs, "now": self._clock()}

    async def _take(self, request: Request, visitor: Visitor) -> Response:
        """Take a file, and begin to run it."""
        if self._runs.goes_on:
            raise RefusedError(409, "A run is under way on this replica: wait for its end, or stop it")
        upload = await read_upload(request, LONGEST_FILE)
        with upload.content:
            self._pages.visitors.check(request, visitor, upload.csrf)
            try:
                await self._runs.begin(upload.name, upload.content, _name(visitor), _caller(visitor))
            except BusyError as error:
                raise RefusedError(409, str(error)) from None
            except OSError:
                raise RefusedError(503, "The file cannot be kept: this replica's disk takes no more") from None
        return SeeOther(PATH, f"{upload.name} runs")

    async def _stop(self, _: Request, visitor: Visitor, __: Form) -> Response:
        report = self._runs.report
        if report is None or not report.goes_on:
            return SeeOther(PATH, "No run is under way", trouble=True)
        if not self._runs.may_see(_caller(visitor), report.owner):
            raise RefusedError(403, NOT_YOURS.text)
        await self._runs.stop(f"Stopped by {_name(visitor)}; what was acknowledged stays done")
        return SeeOther(PATH, "The run is stopped")

    async def _log(self, _: Request, visitor: Visitor) -> Response:
        report, log = self._runs.report, self._runs.log
        if report is None or log is None or report.goes_on:
            raise RefusedError(404, "There is no log of a run that is over")
        if not self._runs.may_see(_caller(visitor), report.owner):
            raise RefusedError(403, NOT_YOURS.text)
        return FileResponse(log, media_type="application/xml", filename="workload-log.xml")

    async def _stream(self, request: Request, visitor: Visitor) -> Response:
        still = self._pages.still(request, brokers)
        return HtmlStream(self._streams, lambda: Looking(lambda: self._html(visitor)), still)

    def _html(self, visitor: Visitor) -> str:
        """Return the part of the page that shows the run."""
        return text("workloads/report.html", csrf=visitor.csrf, **self._context(visitor))


def _caller(visitor: Visitor) -> Caller | None:
    """Return who gives the commands; None: somebody who may give all, as everybody does in open mode."""
    return None if visitor.open else visitor.caller


def _name(visitor: Visitor) -> str:
    return visitor.caller.name if visitor.caller is not None else ""
