"""A user's log as a file to keep: as XML, or made into CSV on the way."""

from time import perf_counter
from typing import Final, Literal

from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from daytrader.transaction.message import Reply, Request
from daytrader.web import metrics
from daytrader.web.dump import Dumps
from daytrader.web.page.trade.csv_log import CsvLog

Format = Literal["xml", "csv"]

_TYPES: Final[dict[Format, bytes]] = {"xml": b"application/xml", "csv": b"text/csv; charset=utf-8"}


class Statement(Response):
    """Streams the log that `request` asks for."""

    def __init__(self, dumps: Dumps, request: Request, name: str, form: Format) -> None:
        """`name` is what the file is to be called, without its ending."""
        super().__init__()
        self._dumps = dumps
        self._request = request
        self._form = form
        self._file = f"{name}.{form}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the log, or in words why there is none now."""
        began = perf_counter()
        status = 500
        try:
            answer = await self._dumps.answer(self._request, receive, self._sender(send))
            if isinstance(answer, Reply):
                status = answer.status
                await self._refusal(answer)(scope, receive, send)
            else:
                status = answer
        finally:
            metrics.COMMANDS.answered("DUMPLOG", status, perf_counter() - began)

    def _sender(self, send: Send) -> Send:
        log = CsvLog() if self._form == "csv" else None

        async def send_as_file(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [
                    (b"content-type", _TYPES[self._form]),
                    (b"content-disposition", f'attachment; filename="{self._file}"'.encode()),
                ]
                await send({**message, "headers": headers})
            elif log is None:
                await send(message)
            else:
                body = message.get("body", b"")
                more = message.get("more_body", False)
                made = log.feed(body) if body else b""
                await send({**message, "body": made if more else made + log.close()})

        return send_as_file

    def _refusal(self, reply: Reply) -> Response:
        text = reply.body.decode(errors="replace")
        words = f"{text}.\n" if reply.status == 400 else f"The log cannot be had now: {text}. Try again in a moment.\n"
        return PlainTextResponse(words, reply.status, {"Retry-After": "1"} if reply.status in (429, 503) else None)
