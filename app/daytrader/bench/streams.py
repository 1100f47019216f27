"""What streams cost: the same commands of the same users, with nobody watching and with every account watched."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, cast
from urllib.parse import urlsplit

import aiohttp

from daytrader.bench import batch
from daytrader.bench.batch import MeasuredWay, Turn
from daytrader.bench.load import LoadFailedError

ROUNDS: Final = 5
"""How often each takes its turn: nobody, watched, nobody, watched, …"""

UNWATCHED: Final = "nobody watches"
WATCHED: Final = "1,000 accounts watched"

FIRST_WITHIN: Final = 60.0
"""Seconds within which all streams must have begun."""


async def measure_streams(url: str, pids: Mapping[str, int], seconds: float) -> tuple[list[MeasuredWay], list[float]]:
    """Return what single requests did, and the commands/s with watchers to those without, round by round.

    Each has turns of so many seconds; `pids` are the processes by name. Raises LoadFailedError where a command is not
    accepted, or a stream not given.
    """
    users = [f"watched{number}" for number in range(batch.USERS)]
    api = f"{url}/api/v1"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=batch.CONNECTIONS)) as pool:
        await batch.deposit(pool, api, users)
        workers = [batch.single(pool, api, users[first :: batch.CONNECTIONS]) for first in range(batch.CONNECTIONS)]
        await batch.turn(workers, pids, min(seconds, 2))  # a warm-up
        turns: dict[str, list[Turn]] = {UNWATCHED: [], WATCHED: []}
        for _ in range(ROUNDS):
            turns[UNWATCHED].append(await batch.turn(workers, pids, seconds))
            async with _watching(api, users):
                turns[WATCHED].append(await batch.turn(workers, pids, seconds))
    pairs = zip(turns[UNWATCHED], turns[WATCHED], strict=True)
    ratios = [watched.commands_per_s / unwatched.commands_per_s for unwatched, watched in pairs]
    return [batch.measured(way, theirs) for way, theirs in turns.items()], ratios


class _Reader(asyncio.Protocol):
    """Asks for a stream, and throws away what comes: a client that costs next to nothing, for it shares the cores."""

    def __init__(self, path: str, begun: asyncio.Semaphore) -> None:
        self.answered = b""
        """The first that came."""
        self.ended = False
        self._path = path
        self._begun = begun

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        request = f"GET {self._path} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        cast("asyncio.WriteTransport", transport).write(request.encode())

    def data_received(self, data: bytes) -> None:
        """Note the first, and forget the rest."""
        if not self.answered:
            self.answered = data
            self._begun.release()

    def connection_lost(self, _: Exception | None) -> None:
        """Note the end."""
        self.ended = True


@asynccontextmanager
async def _watching(api: str, users: list[str]) -> AsyncIterator[None]:
    """Watch all users, each over a connection of its own; what comes is read and thrown away."""
    begun = asyncio.Semaphore(0)
    readers: list[_Reader] = []
    connections: list[asyncio.Transport] = []
    loop, url = asyncio.get_running_loop(), urlsplit(api)
    try:
        try:
            async with asyncio.timeout(FIRST_WITHIN):
                for user in users:
                    new = partial(_Reader, f"{url.path}/accounts/{user}/stream", begun)
                    connection, reader = await loop.create_connection(new, url.hostname or "", url.port or 80)
                    readers.append(reader)
                    connections.append(connection)
                for _ in users:
                    await begun.acquire()
        except TimeoutError:
            raise LoadFailedError(f"not all streams had begun after {FIRST_WITHIN:.0f} s") from None
        refused = [one for one in readers if not one.answered.startswith(b"HTTP/1.1 200 ")]
        if refused:
            raise LoadFailedError(f"a stream was answered {refused[0].answered[:60]!r}")
        yield
        ended = sum(one.ended for one in readers)
        if ended:
            raise LoadFailedError(f"{ended} streams ended of themselves")
    finally:
        for connection in connections:
            connection.close()
