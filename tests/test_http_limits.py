"""Bounds on the head of a request."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme
from starlette.types import Receive, Scope, Send

from daytrader import http_limits
from daytrader.serving import listen, serve
from daytrader.tls import ServerTls, client_context
from tests.certificates import Mounted
from tests.web.client import Connection, exchange, get
from tests.web.replica import HttpServer, Replica


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """The port of some server."""
    async with HttpServer(Replica().app) as server:
        yield server.port


async def _feed(connection: Connection, head: bytes) -> None:
    try:
        for start in range(0, len(head), 16_384):
            connection.writer.write(head[start : start + 16_384])
            await connection.writer.drain()
            await asyncio.sleep(0)  # so that it comes in pieces
    except ConnectionError:
        pass


@pytest.mark.parametrize("filler", [b"x", b"x: y\r\n"])
async def test_a_head_that_is_too_large_is_refused(port: int, filler: bytes) -> None:
    """A head without end gets 431 with a text, and its connection is closed."""
    connection = await Connection.open(port)
    feeding = asyncio.create_task(
        _feed(connection, b"GET /ready HTTP/1.1\r\nx: " + filler * (2_000_000 // len(filler)))
    )
    answer = await connection.exchange(b"")
    await feeding
    connection.close()
    if answer.status:  # the reset that follows may overtake it
        assert (answer.status, answer.body) == (431, b"The head of the request is larger than 65536 bytes")


async def test_a_head_in_small_pieces_is_served(port: int) -> None:
    """A head may come byte by byte, any number of times over one connection."""
    connection = await Connection.open(port)
    for _ in range(3):
        request = get("/ready")
        for byte in request[:-1]:
            connection.writer.write(bytes([byte]))
            await asyncio.sleep(0)
        assert (await connection.exchange(request[-1:])).status == 200
    connection.close()


async def test_many_requests_in_one_piece_are_no_large_head(port: int) -> None:
    """Pipelined requests are each judged on their own, however much comes at once."""
    connection = await Connection.open(port)
    connection.writer.write(get("/ready", "x: " + "y" * 20_000) * 20)
    assert (await connection.exchange(b"")).status == 200
    connection.close()
    assert (await exchange(port, get("/ready"))).status == 200


async def test_requests_far_ahead_of_their_answers_are_cut_off(port: int) -> None:
    """What is prepared for each request is far larger than the request: so many are taken in, and not one more."""
    most = http_limits.MOST_WAITING + 1
    for sent, answered in ((most, most), (most + 1, 0)):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(get("/ready") * (sent - 1) + get("/ready", "Connection: close"))
        try:
            came = await asyncio.wait_for(reader.read(), 10)
        except ConnectionError:
            came = b""
        writer.close()
        assert came.count(b"HTTP/1.1 200 OK") == answered
    assert (await exchange(port, get("/ready"))).status == 200


async def test_a_head_that_does_not_come_to_its_end_is_given_up(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection of a client that never ends its head is closed."""
    monkeypatch.setattr(http_limits, "HEAD_SECONDS", 0.05)
    answer = await exchange(port, b"GET /ready HT")
    assert (answer.status, answer.complete) == (0, False)


async def test_the_rest_of_a_body_that_was_answered_is_not_waited_for(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is answered before the body is there cannot keep the connection by sending it slowly."""
    monkeypatch.setattr(http_limits, "REST_SECONDS", 0.05)
    connection = await Connection.open(port)
    assert (await connection.exchange(b"GET /ready HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx")).status == 200
    connection.writer.write(b"x")
    assert await connection.ended()
    connection.close()


async def test_a_body_that_comes_after_its_answer_does_no_harm(port: int) -> None:
    """The connection stays good where the rest comes in time."""
    connection = await Connection.open(port)
    for _ in range(2):
        late = await connection.exchange(b"GET /ready HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nx")
        assert late.status == 200
        connection.writer.write(b"x")
        assert (await connection.exchange(get("/ready"))).status == 200
    connection.close()


async def test_line_ends_between_requests_do_not_keep_a_connection() -> None:
    """They are no request, and the connection is closed after the keep-alive time as any other that is idle."""
    async with HttpServer(Replica().app, keep_alive=0.1) as server:
        connection = await Connection.open(server.port)
        assert (await connection.exchange(get("/ready"))).status == 200
        connection.writer.write(b"\r\n")
        assert await connection.ended()
        connection.close()


async def test_a_client_that_takes_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connection ends, and with it the answer that waits, be it one or one after the other."""
    monkeypatch.setattr(http_limits, "WRITE_SECONDS", 0.05)
    ended = asyncio.Event()

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for _ in range(1_000):
                await send({"type": "http.response.body", "body": bytes(65_536), "more_body": True})
        finally:
            ended.set()

    async with HttpServer(endless) as server:
        connection = await Connection.open(server.port)
        connection.writer.write(get("/"))
        async with asyncio.timeout(10):
            await ended.wait()
        connection.close()


async def test_the_bounds_hold_by_tls_too(tmp_path: Path) -> None:
    """A head without end gets 431 over an encrypted connection as well, and one of usual size is served."""
    mounted = Mounted(tmp_path)
    mounted.put_certificate(trustme.CA(), "127.0.0.1")
    listener, stop = listen("127.0.0.1", 0), asyncio.Event()
    port, tls = listener.getsockname()[1], ServerTls(mounted.certificate, mounted.key)
    serving = asyncio.create_task(serve(Replica().app, [listener], stop=stop, tls=tls))
    connection = await Connection.open(port, client_context(mounted.ca))
    assert (await connection.exchange(get("/ready"))).status == 200
    feeding = asyncio.create_task(_feed(connection, b"GET /ready HTTP/1.1\r\nx: " + b"x" * 2_000_000))
    answer = await connection.exchange(b"")
    await feeding
    connection.close()
    stop.set()
    await serving
    if answer.status:  # the reset that follows may overtake it
        assert (answer.status, answer.body) == (431, b"The head of the request is larger than 65536 bytes")
