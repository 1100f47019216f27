"""One client connection against a real server socket."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from daytrader.workload.connection import Connection
from tests.workload.servers import response


class Owner:
    """Keeps what its connection told."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[tuple[int, bytes] | str | Exception] = asyncio.Queue()

    def answered(self, status: int, body: bytes) -> None:
        self.told.put_nowait((status, body))

    def lost(self, reason: str) -> None:
        self.told.put_nowait(reason)

    def broken(self, error: Exception) -> None:
        self.told.put_nowait(error)

    async def next(self) -> tuple[int, bytes] | str | Exception:
        """What is told next."""
        async with asyncio.timeout(5):
            return await self.told.get()


Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def connected(
    owner: Owner, serve: Serve, sink: Callable[[bytes], None] | None = None
) -> AsyncIterator[Connection]:
    """A connection to a server that does what `serve` does, once."""

    tasks: list[asyncio.Task[None]] = []

    async def serve_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.append(task)
        with suppress(asyncio.IncompleteReadError, ConnectionError):  # the client may be gone first
            await serve(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve_and_close, "127.0.0.1", 0)
    connection = Connection(owner, sink)
    await asyncio.get_running_loop().create_connection(lambda: connection, *server.sockets[0].getsockname()[:2])
    try:
        yield connection
    finally:
        connection.abandon()
        server.close()
        async with asyncio.timeout(5):
            await asyncio.gather(*tasks)


def answers(*parts: bytes) -> Serve:
    """Reads a request for each answer (its parts written one by one), then closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)

    return serve


REQUEST = b"GET /command/QUOTE?userid=u&stockSymbol=S HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nTrailer: t\r\n\r\n"


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ([response(200, b"5.00")], (200, b"5.00")),
        ([response(400, b"Insufficient funds")], (400, b"Insufficient funds")),
        ([response(200)], (200, b"")),
        ([CHUNKED], (200, b"abcdefg")),
        ([CHUNKED[at : at + 1] for at in range(len(CHUNKED))], (200, b"abcdefg")),
        ([b"HTTP/1.1 103 Early Hints\r\n\r\n" + response(200, b"5.00")], (200, b"5.00")),
    ],
)
async def test_an_answer_is_told_once_it_is_whole(parts: list[bytes], told: tuple[int, bytes]) -> None:
    """Answers with a length or in chunks, in one piece or byte by byte, are told with status and body."""
    owner = Owner()
    async with connected(owner, answers(*parts)) as connection:
        connection.send(REQUEST)
        assert await owner.next() == told
        assert await owner.next() == "the connection was closed"
        assert not connection.usable


async def test_a_connection_serves_one_request_after_the_other() -> None:
    """It stays usable from answer to answer."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in range(3):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(response(200, b"%d" % number))

    owner = Owner()
    async with connected(owner, serve) as connection:
        for number in range(3):
            assert connection.usable
            connection.send(REQUEST)
            assert await owner.next() == (200, b"%d" % number)


async def test_connection_close_ends_it_with_the_answer() -> None:
    """After `Connection: close` it is not usable, and nothing more is told."""
    owner = Owner()
    async with connected(owner, answers(response(200, b"x", "Connection: close"))) as connection:
        connection.send(REQUEST)
        assert await owner.next() == (200, b"x")
        assert not connection.usable
    assert owner.told.empty()


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ([], "the connection was closed"),
        ([response(200, b"whole")[:-1]], "the connection was closed"),
        ([CHUNKED[:-10]], "the connection was closed"),
        ([b"SSH-2.0-OpenSSH\r\n\r\n"], "the answer is not HTTP"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"], "the answer is not HTTP"),
        ([response(200, b"a") + response(200, b"b")], "an answer that nobody asked for"),
    ],
)
async def test_what_is_no_whole_answer_is_a_loss(parts: list[bytes], reason: str) -> None:
    """A part of an answer, none, or something else ends the connection with a reason."""
    owner = Owner()
    async with connected(owner, answers(*parts)) as connection:
        connection.send(REQUEST)
        told = await owner.next()
        assert isinstance(told, str)
        assert reason in told
        assert not connection.usable


async def test_an_unasked_answer_is_a_loss() -> None:
    """What a server says before it was asked is no answer to the next request."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(response(408))

    owner = Owner()
    async with connected(owner, serve):
        assert await owner.next() == "the server sent an answer that nobody asked for"


@pytest.mark.parametrize(("header", "seconds"), [("retry-after: 3", 3.0), ("Retry-After: soon", None), ("X: 1", None)])
async def test_retry_after_is_kept_in_seconds(header: str, seconds: float | None) -> None:
    """The last answer's Retry-After can be read; dates are not understood."""
    owner = Owner()
    async with connected(owner, answers(response(503, b"", header))) as connection:
        connection.send(REQUEST)
        assert await owner.next() == (503, b"")
        assert connection.retry_after == seconds


async def test_a_sink_takes_the_body_of_a_good_answer_only() -> None:
    """With a sink, a 200's body goes there and another's is told."""
    owner, pieces = Owner(), list[bytes]()
    async with connected(owner, answers(CHUNKED), pieces.append) as connection:
        connection.send(REQUEST)
        assert await owner.next() == (200, b"")
        assert b"".join(pieces) == b"abcdefg"
    async with connected(owner, answers(response(403, b"not yours")), pieces.append) as connection:
        connection.send(REQUEST)
        assert await owner.next() == (403, b"not yours")


async def test_an_abandoned_connection_is_silent() -> None:
    """Its owner hears nothing more, not even that it is closed."""
    owner = Owner()
    async with connected(owner, answers(response(200))) as connection:
        connection.send(REQUEST)
        connection.abandon()
        assert not connection.usable
        await asyncio.sleep(0)
    assert owner.told.empty()


async def test_an_error_of_the_owner_is_told_to_it() -> None:
    """What `answered` or the sink raises is no loss of the connection but a defect."""

    class Raising(Owner):
        def answered(self, status: int, body: bytes) -> None:
            raise KeyError(status, body)

    def full(piece: bytes) -> None:
        raise OSError("disk full")

    for owner, sink, kind in ((Raising(), None, KeyError), (Owner(), full, OSError)):
        async with connected(owner, answers(CHUNKED), sink) as connection:
            connection.send(REQUEST)
            assert isinstance(await owner.next(), kind)
            assert not connection.usable
