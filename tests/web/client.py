"""A client that sends any bytes and says what came back."""

import asyncio
import ssl

import httptools
import msgspec


class Answer(msgspec.Struct):
    """What came back."""

    status: int = 0
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    body: bytes = b""
    cookies: list[str] = msgspec.field(default_factory=list)
    """Every Set-Cookie."""
    complete: bool = False
    """Whether the response came to its end before the connection did."""


class _Reader:
    def __init__(self) -> None:
        self.answer = Answer()

    def on_header(self, name: bytes, value: bytes) -> None:
        self.answer.headers[name.decode().lower()] = value.decode()
        if name.lower() == b"set-cookie":
            self.answer.cookies.append(value.decode())

    def on_body(self, body: bytes) -> None:
        self.answer.body += body

    def on_message_complete(self) -> None:
        self.answer.complete = True


class Connection:
    """One connection to a port of this machine."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, port: int, tls: ssl.SSLContext | None = None) -> "Connection":
        """Connect, by TLS where a context is given."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, ssl=tls))

    async def exchange(self, request: bytes, *, end: bool = False) -> Answer:
        """Send `request`, whatever it is, and read one response, or to the end of the connection.

        `end` says that nothing more will come.
        """
        self.writer.write(request)
        if end:
            self.writer.write_eof()
        reader = _Reader()
        parser = httptools.HttpResponseParser(reader)
        try:
            async with asyncio.timeout(10):
                while not reader.answer.complete and (data := await self._reader.read(65_536)):
                    parser.feed_data(data)
                    reader.answer.status = parser.get_status_code()
        except ConnectionError:
            pass
        return reader.answer

    async def ended(self) -> bool:
        """Return whether the other side has closed the connection, without sending anything more."""
        async with asyncio.timeout(10):
            return await self._reader.read(1) == b""

    def close(self) -> None:
        """Close the connection."""
        self.writer.close()


async def exchange(port: int, request: bytes) -> Answer:
    """Send `request` over a connection of its own and return the response."""
    connection = await Connection.open(port)
    try:
        return await connection.exchange(request)
    finally:
        connection.close()


def get(target: str, *headers: str, method: str = "GET", body: bytes = b"") -> bytes:
    """Return an HTTP request."""
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
