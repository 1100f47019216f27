"""Clients that are slow on purpose: how long each may keep a connection, and what it costs meanwhile."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from daytrader.http_limits import HEAD_SECONDS, REST_SECONDS
from daytrader.web.parameters import BODY_SECONDS
from tests.e2e.installation import Installation, running
from tests.security.asking import ask
from tests.web.client import get

CLIENTS = 100
"""Of each kind, at the same time."""

MOST_BYTES = 32 * 1024
"""That one slow client may cost: connection, parser, task, and what it sent. Measured: 8 KiB."""

GREEDY = 20
"""Clients that ask for much and take nothing."""

MOST_GREEDY_BYTES = 512 * 1024
"""That each of them may cost: the requests that wait, and the answers that fill its buffer. Measured: 230 KiB, and
5 MiB where any number of requests may wait."""

WITHIN_S = 1.0
"""In which somebody else's command is answered meanwhile, on a busy machine."""


class Slow(msgspec.Struct, frozen=True):
    """A kind of slow client."""

    begins: bytes
    drips: bytes
    """What it sends each second."""
    ends_after: float
    """Seconds after which it must be over; a body that is given up is answered, and its rest waited for."""


_BODY = (
    b"POST /command/ADD HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 5000"
)
SLOW: dict[str, Slow] = {
    "head": Slow(b"GET /command/ADD?userid=bob HTTP/1.1\r\nHost: x\r\n", b"X-A: b\r\n", HEAD_SECONDS),
    "body": Slow(_BODY + b"\r\n\r\nuserid=bob", b"&a=b", BODY_SECONDS + REST_SECONDS),
    "body that nobody reads": Slow(
        b"GET /version HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n", b"x", REST_SECONDS
    ),
}


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """An installation in a process of its own, whose memory can be told from that of the clients."""
    with running(tmp_path) as installation:
        yield installation


async def test_slow_clients_are_given_up_in_time_and_cost_little(installation: Installation) -> None:
    """Each kind ends at its bound, costs less than is written here, and keeps nobody else waiting."""
    port = int(installation.url.rpartition(":")[2])
    server = _server(port)
    await asyncio.gather(*(ask(port, get("/version", "Connection: close")) for _ in range(CLIENTS)))
    before = server.memory_info().rss
    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        ends = {kind: [group.create_task(_drip(port, slow)) for _ in range(CLIENTS)] for kind, slow in SLOW.items()}
        await asyncio.sleep(5)
        cost = (server.memory_info().rss - before) / (len(SLOW) * CLIENTS)
        sent = time.monotonic()
        assert (await installation.command("ADD", userid="alice", amount="1.00"))[0] == 200
        waited = time.monotonic() - sent
    for kind, slow in SLOW.items():
        latest = max(end.result() - began for end in ends[kind])
        assert latest < slow.ends_after + 5, f"{kind}: the last one was over after {latest:.1f} s"
    assert waited < WITHIN_S
    assert cost < MOST_BYTES, f"a slow client costs {cost / 1024:.0f} KiB"


async def test_who_asks_for_much_and_takes_nothing_costs_little(installation: Installation) -> None:
    """Who sends 2,000 requests in one go and reads no answer is cut off, or what it made of them would pile up."""
    port = int(installation.url.rpartition(":")[2])
    server = _server(port)
    asked = get("/api/v1/openapi.json")
    await asyncio.gather(*(ask(port, get("/api/v1/openapi.json", "Connection: close")) for _ in range(GREEDY)))
    before = server.memory_info().rss
    writers = []
    for _ in range(GREEDY):
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1_024)
        writers.append(writer)
        for _ in range(2_000):
            writer.write(asked)
    await asyncio.sleep(3)
    cost = (server.memory_info().rss - before) / GREEDY
    assert (await installation.command("ADD", userid="alice", amount="1.00"))[0] == 200
    for writer in writers:
        writer.transport.abort()
    assert cost < MOST_GREEDY_BYTES, f"a greedy client costs {cost / 1024:.0f} KiB"


def _server(port: int) -> psutil.Process:
    for process in psutil.Process().children(recursive=True):
        if any(one.laddr.port == port and one.status == psutil.CONN_LISTEN for one in process.net_connections("tcp")):
            return process
    raise AssertionError(f"nobody listens at {port}")


async def _drip(port: int, slow: Slow) -> float:
    """Send as `slow` does until the other side ends it; return when that was."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(slow.begins)
        ended = asyncio.create_task(_to_the_end(reader))
        while not ended.done():
            await asyncio.wait({ended}, timeout=1.0)
            writer.write(slow.drips)
        return ended.result()
    finally:
        writer.close()


async def _to_the_end(reader: asyncio.StreamReader) -> float:
    try:
        while await reader.read(65_536):
            pass
    except ConnectionError:
        pass
    return time.monotonic()
