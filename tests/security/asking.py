"""A client that sends one request and reads of the answer what a test of security looks at."""

import asyncio
from typing import Final

import httptools
import msgspec

from tests.security.table import Row
from tests.web.client import Answer

PATIENCE_S: Final = 20.0


class _Head:
    def __init__(self) -> None:
        self.answer = Answer()
        self.has_head = False

    def on_header(self, name: bytes, value: bytes) -> None:
        known = self.answer.headers.get(name.decode().lower())
        text = value.decode("latin-1")
        self.answer.headers[name.decode().lower()] = text if known is None else f"{known}, {text}"

    def on_headers_complete(self) -> None:
        self.has_head = True

    def on_body(self, body: bytes) -> None:
        self.answer.body += body

    def on_message_complete(self) -> None:
        self.answer.complete = True


def request_of(row: Row, *headers: str) -> bytes:
    """Return the request that `row` tells of."""
    lines = [f"{row.method} {row.target} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
    if row.body:
        lines += [f"Content-Length: {len(row.body)}", f"Content-Type: {row.media_type}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + row.body


async def ask(port: int, request: bytes, *, ends: bool = True) -> Answer:
    """Send `request`, whatever it is, and return the answer; of one that does not end only the head.

    The status is 0 where the connection was closed without an answer.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = _Head()
    parser = httptools.HttpResponseParser(head)
    try:
        async with asyncio.timeout(PATIENCE_S):
            writer.write(request)
            while not head.answer.complete and (ends or not head.has_head) and (data := await reader.read(65_536)):
                parser.feed_data(data)
                head.answer.status = parser.get_status_code()
    except ConnectionError:
        pass
    finally:
        writer.close()
    return head.answer


class _Line(msgspec.Struct):
    status: int


def status_of_line(body: bytes) -> int:
    """Return the status of the first line of a batch's answers."""
    return msgspec.json.decode(body.splitlines()[0], type=_Line).status
