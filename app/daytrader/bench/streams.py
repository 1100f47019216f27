"""What streams cost: the same commands of the same users, with nobody watching and with every account watched."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, cast
from urllib.parse import urlsplit

import aiohttp
import msgspec

from daytrader.bench import batch
from daytrader.bench.batch import MeasuredWay
from daytrader.bench.load import LoadFailedError

ROUNDS: Final = 5
"""How often they are watched: nobody, watched, nobody, watched, …, nobody."""

SETTLE: Final = 1.0
"""Seconds for the streams' beginnings, and for what is left to read at the end."""

_UPDATE: Final = b"event: update\n"

UNWATCHED: Final = "nobody watches"
WATCHED: Final = "1,000 accounts watched"

FIRST_WITHIN: Final = 60.0
"""Seconds within which all streams must have begun."""


class MeasuredStreams(msgspec.Struct, frozen=True):
    """What single requests did with watchers and without."""

    ways: list[MeasuredWay]
    ratios: list[float]
    """Round by round: commands/s with watchers, to the mean of those without before and after."""
    updates: list[float]
    """Round by round: updates that the streams were told, to commands."""


async def measure_streams(url: str, pids: Mapping[str, int], seconds: float) -> MeasuredStreams:
    """Give commands in turns of so many seconds each; `pids` are the processes by name.

    Raises LoadFailedError where a command is not accepted, or a stream not given, or one tells nothing.
    """
    users = [f"watched{number}" for number in range(batch.USERS)]
    api = f"{url}/api/v1"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=batch.CONNECTIONS)) as pool:
        await batch.deposit(pool, api, users)
        workers = [batch.single(pool, api, users[first :: batch.CONNECTIONS]) for first in range(batch.CONNECTIONS)]
        await batch.turn(workers, pids, min(seconds, 2))  # a warm-up
        without, watched, updates = [await batch.turn(workers, pids, seconds)], [], []
        for _ in range(ROUNDS):
            async with _watching(api, users) as streams:
                watched.append(await batch.turn(workers, pids, seconds))
                updates.append(await streams.updates() / watched[-1].commands)
            await asyncio.sleep(SETTLE)  # else the streams' ends would be of the next turn
            without.append(await batch.turn(workers, pids, seconds))
    around = [(before.commands_per_s + after.commands_per_s) / 2 for before, after in itertools.pairwise(without)]
    ratios = [turn.commands_per_s / unwatched for turn, unwatched in zip(watched, around, strict=True)]
    return MeasuredStreams([batch.measured(UNWATCHED, without), batch.measured(WATCHED, watched)], ratios, updates)


class _Reader(asyncio.Protocol):
    """Asks for a stream, and leaves what comes in its socket until the turn is over.

    So the streams cost what they cost the system; whoever reads them is elsewhere, and has cores of its own.
    """

    def __init__(self, path: str, begun: asyncio.Semaphore) -> None:
        self.answered = b""
        """The first that came."""
        self.updates = 0
        self.ended = False
        self._path = path
        self._begun = begun
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(f"GET {self._path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

    def data_received(self, data: bytes) -> None:
        """Note the first, and count updates."""
        if not self.answered:
            self.answered = data
            self._begun.release()
        data = self._rest + data
        self.updates += data.count(_UPDATE)
        self._rest = data[1 - len(_UPDATE) :]

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


class _Streams:
    """Streams that have begun, and whose readers read nothing for now."""

    def __init__(self, readers: Sequence[_Reader]) -> None:
        self._readers = readers
        self._before = [one.updates for one in readers]
        for one in readers:
            one.pause()

    async def updates(self) -> int:
        """Return how many updates have come. Raises LoadFailedError where none came over a stream, or one ended."""
        for one in self._readers:
            one.resume()
        await asyncio.sleep(SETTLE)
        came = [one.updates - before for one, before in zip(self._readers, self._before, strict=True)]
        if ended := sum(one.ended for one in self._readers):
            raise LoadFailedError(f"{ended} streams ended of themselves")
        if silent := came.count(0):
            raise LoadFailedError(f"nothing came over {silent} of {len(came)} streams")
        return sum(came)


@asynccontextmanager
async def _watching(api: str, users: Sequence[str]) -> AsyncIterator[_Streams]:
    """Watch all users, each over a connection of its own."""
    begun = asyncio.Semaphore(0)
    readers = [_Reader(f"{urlsplit(api).path}/accounts/{user}/stream", begun) for user in users]
    loop, url = asyncio.get_running_loop(), urlsplit(api)
    try:
        try:
            async with asyncio.timeout(FIRST_WITHIN):
                for reader in readers:
                    await loop.create_connection(partial(_same, reader), url.hostname or "", url.port or 80)
                for _ in users:
                    await begun.acquire()
        except TimeoutError:
            raise LoadFailedError(f"not all streams had begun after {FIRST_WITHIN:.0f} s") from None
        refused = [one for one in readers if not one.answered.startswith(b"HTTP/1.1 200 ")]
        if refused:
            raise LoadFailedError(f"a stream was answered {refused[0].answered[:60]!r}")
        await asyncio.sleep(SETTLE)
        yield _Streams(readers)
    finally:
        for one in readers:
            one.close()


def _same(reader: _Reader) -> _Reader:
    return reader
