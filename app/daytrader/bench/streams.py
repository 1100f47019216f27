"""What streams cost: the same commands of the same users, with nobody watching and with every account watched."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final, cast
from urllib.parse import urlsplit

import aiohttp

from daytrader.bench import batch
from daytrader.bench.batch import MeasuredWay, Turn
from daytrader.bench.load import LoadFailedError

ROUNDS: Final = 5
"""How often each takes its turn: nobody, watched, nobody, watched, …"""

SETTLE: Final = 1.0
"""Seconds for the streams' beginnings, and for what is left to read at the end."""

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
    """Asks for a stream, and leaves what comes in its socket until the turn is over.

    So the streams cost what they cost the system; whoever reads them is elsewhere, and has cores of its own.
    """

    def __init__(self, path: str, begun: asyncio.Semaphore) -> None:
        self.answered = b""
        """The first that came."""
        self.read = 0
        """Bytes after it."""
        self.ended = False
        self._path = path
        self._begun = begun
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(f"GET {self._path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

    def data_received(self, data: bytes) -> None:
        """Note the first, and count the rest."""
        if self.answered:
            self.read += len(data)
            return
        self.answered = data
        self._begun.release()

    def connection_lost(self, _: Exception | None) -> None:
        """Note the end."""
        self.ended = True

    def pause(self) -> None:
        """Read no more for now."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read what has come meanwhile."""
        if self._transport is not None and not self.ended:
            self._transport.resume_reading()

    def close(self) -> None:
        """Go."""
        if self._transport is not None:
            self._transport.close()


@asynccontextmanager
async def _watching(api: str, users: list[str]) -> AsyncIterator[None]:
    """Watch all users, each over a connection of its own; that something came over each is seen at the end."""
    begun = asyncio.Semaphore(0)
    readers: list[_Reader] = []
    loop, url = asyncio.get_running_loop(), urlsplit(api)
    try:
        try:
            async with asyncio.timeout(FIRST_WITHIN):
                for user in users:
                    reader = _Reader(f"{url.path}/accounts/{user}/stream", begun)
                    readers.append(reader)
                    await loop.create_connection(lambda one=reader: one, url.hostname or "", url.port or 80)  # type: ignore[misc]
                for _ in users:
                    await begun.acquire()
        except TimeoutError:
            raise LoadFailedError(f"not all streams had begun after {FIRST_WITHIN:.0f} s") from None
        refused = [one for one in readers if not one.answered.startswith(b"HTTP/1.1 200 ")]
        if refused:
            raise LoadFailedError(f"a stream was answered {refused[0].answered[:60]!r}")
        await asyncio.sleep(SETTLE)
        before = [one.read for one in readers]
        for one in readers:
            one.pause()
        yield
        for one in readers:
            one.resume()
        await asyncio.sleep(SETTLE)
        ended = sum(one.ended for one in readers)
        if ended:
            raise LoadFailedError(f"{ended} streams ended of themselves")
        silent = sum(one.read == read for one, read in zip(readers, before, strict=True))
        if silent:
            raise LoadFailedError(f"nothing came over {silent} of {len(readers)} streams")
    finally:
        for one in readers:
            one.close()
