"""How streams go out: events, heartbeats, bounds, and until when."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from starlette.types import Message, Receive, Scope, Send

from daytrader.web import sse
from daytrader.web.sse import Streams, StreamsFullError, event, heartbeat
from tests.transaction.stage import until
from tests.web.client import get
from tests.web.replica import HttpServer


class Numbers:
    """A source of numbers that a test fills."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[int | None] = asyncio.Queue()
        self.closed = False
        self.read = 0

    @property
    def waits(self) -> bool:
        return False

    async def __anext__(self) -> int:
        number = await self.queue.get()
        if number is None:
            raise StopAsyncIteration
        self.read += 1
        return number

    async def aclose(self) -> None:
        self.closed = True


class App:
    """An ASGI app that streams what the test puts in."""

    def __init__(self) -> None:
        self.streams = Streams()
        self.numbers = Numbers()
        self.size = 1
        self.may = True

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        async def still() -> bool:
            return self.may

        await self.streams.serve(
            receive,
            send,
            self.numbers,
            lambda number: event("x" * self.size, "number", str(number)),
            beat=lambda: heartbeat("77"),
            name="alice",
            still=still,
        )


@pytest.fixture
async def served() -> AsyncIterator[tuple[App, int]]:
    """The app, and its port."""
    app = App()
    async with HttpServer(app) as server:
        yield app, server.port


class Client:
    """Reads a stream over a bare connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def ask(self) -> None:
        """Send the request."""
        self.writer.write(get("/"))

    async def until(self, text: bytes) -> bytes:
        """Read up to `text`."""
        return await asyncio.wait_for(self.reader.readuntil(text), 20)

    async def end(self) -> bytes:
        """Read to the end of the answer."""
        return await self.until(b"0\r\n\r\n")


@pytest.fixture
async def client(served: tuple[App, int]) -> AsyncIterator[Client]:
    """A client of the app."""
    reader, writer = await asyncio.open_connection("127.0.0.1", served[1])
    yield Client(reader, writer)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def test_an_event_of_many_lines() -> None:
    """Each line of the data has its name; an id and a name come first; a heartbeat with an id is no event."""
    assert event("a\nb", "update", "3-4") == b"id: 3-4\nevent: update\ndata: a\ndata: b\n\n"
    assert heartbeat("3-4") == b": still here\nid: 3-4\n\n"
    assert heartbeat() == b": still here\n\n"


async def test_a_stream_says_that_it_is_one_and_ends_with_its_source(served: tuple[App, int], client: Client) -> None:
    """The head has the right type and is kept by nobody; when nothing more comes, the answer is at its end."""
    app, _ = served
    client.ask()
    head = (await client.until(b"\r\n\r\n")).decode()
    assert "200 OK" in head
    assert "content-type: text/event-stream" in head
    assert "cache-control: no-store" in head
    app.numbers.queue.put_nowait(1)
    app.numbers.queue.put_nowait(None)
    assert b"id: 1\nevent: number\ndata: x\n\n" in await client.end()
    await until(lambda: app.numbers.closed)


async def test_a_heartbeat_where_nothing_comes(
    served: tuple[App, int], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream on which nothing happens shows that it is alive, and how far it is."""
    monkeypatch.setattr(sse, "HEARTBEAT_EVERY", 0.05)
    client.ask()
    assert b"retry: 1000\n\n" in await client.until(b": still here\nid: 77\n\n")
    await client.until(b": still here\nid: 77\n\n")


async def test_a_reader_that_may_read_no_longer(
    served: tuple[App, int], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever's token is good no more is cut off, in an orderly way; the others read on."""
    monkeypatch.setattr(sse, "CHECK_EVERY", 0.02)
    app, _ = served
    client.ask()
    await client.until(b"retry: 1000\n\n")
    await asyncio.sleep(0.1)
    app.numbers.queue.put_nowait(1)
    await client.until(b"id: 1\n")
    app.may = False
    await client.end()
    await until(lambda: app.numbers.closed)


async def test_a_replica_that_goes_ends_all_streams(served: tuple[App, int], client: Client) -> None:
    """Those that are open, and at once those that are asked for afterwards: as whole answers, without an event."""
    app, port = served
    client.ask()
    await client.until(b"retry: 1000\n\n")
    app.streams.end()
    await client.end()
    await until(lambda: app.numbers.closed)
    app.numbers.closed = False
    app.numbers.queue.put_nowait(1)
    late = Client(*await asyncio.open_connection("127.0.0.1", port))
    late.ask()
    assert b"event: number" not in await late.end()
    await until(lambda: app.numbers.closed)
    late.writer.close()


@pytest.mark.parametrize("when", ["at its head", "at its end"])
async def test_an_answer_has_one_head_and_one_end(when: str) -> None:
    """Though the replica goes in the very moment in which a stream begins, or in which its source ends."""
    streams, sent = Streams(), list[Message]()

    class Ending(Numbers):
        async def __anext__(self) -> int:
            streams.end()
            raise StopAsyncIteration

    async def receive() -> Message:
        return await asyncio.Future[Message]()

    async def send(message: Message) -> None:
        sent.append(message)
        if when == "at its head" and len(sent) == 1:
            streams.end()

    source = Ending()
    await streams.serve(receive, send, source, lambda _: b"")
    assert sent[0]["type"] == "http.response.start"
    assert [message["more_body"] for message in sent[1:]] == ([False] if when == "at its head" else [True, False])
    assert source.closed


async def test_a_client_that_goes_is_noticed(served: tuple[App, int], client: Client) -> None:
    """A stream is closed when its client goes, though nothing is sent."""
    app, _ = served
    client.ask()
    await client.until(b"retry: 1000\n\n")
    client.writer.close()
    await until(lambda: app.numbers.closed)


async def test_a_client_that_reads_nothing(
    served: tuple[App, int], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more is read of the source than the connection takes; after a while the client is given up."""
    monkeypatch.setattr(sse, "EVENT_EVERY", 0)
    monkeypatch.setattr(sse, "CLIENT_SECONDS", 0.3)
    app, _ = served
    app.size = 1_000_000
    for number in range(1_000):
        app.numbers.queue.put_nowait(number)
    client.ask()
    await until(lambda: app.numbers.closed)
    assert app.numbers.read < 50
    client.writer.close()


async def test_not_more_than_two_events_a_second(served: tuple[App, int], client: Client) -> None:
    """However much comes, events keep their distance."""
    app, _ = served
    loop = asyncio.get_running_loop()
    client.ask()
    for number in range(3):
        app.numbers.queue.put_nowait(number)
    times = []
    for number in range(3):
        await client.until(b"id: %d\n" % number)
        times.append(loop.time())
    assert times[2] - times[0] > 0.9


async def test_bounds(served: tuple[App, int], client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replica, and a trader, have so many streams and no more; the bound is within the limit of open files."""
    app, _ = served
    monkeypatch.setattr(sse, "MOST_OF_ONE", 1)
    client.ask()
    await client.until(b"retry: 1000\n\n")
    with pytest.raises(StreamsFullError, match="alice has 1 streams"):
        app.streams.check_room("alice")
    app.streams.check_room("")
    app.streams.most = 1
    with pytest.raises(StreamsFullError, match="Too many streams"):
        app.streams.check_room("")
    client.writer.close()
    await until(lambda: app.numbers.closed)
    app.streams.check_room("alice")
    assert 0 < sse.most_streams() <= sse.MOST_STREAMS
