"""What streams cost: the same commands of the same users, with nobody watching and with every account watched."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import aiohttp

from daytrader.bench import batch
from daytrader.bench.batch import MeasuredWay, Turn
from daytrader.bench.load import LoadFailedError

ROUNDS: Final = 3
"""How often each takes its turn: nobody, watched, nobody, watched, …"""

UNWATCHED: Final = "nobody watches"
WATCHED: Final = "1,000 accounts watched"

FIRST_WITHIN: Final = 60.0
"""Seconds within which all streams must have begun."""


async def measure_streams(url: str, pids: Mapping[str, int], seconds: float) -> list[MeasuredWay]:
    """Return what single requests did, in turns of so many seconds each; `pids` are the processes by name.

    Raises LoadFailedError where a command is not accepted, or a stream not given.
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
    return [batch.measured(way, theirs) for way, theirs in turns.items()]


@asynccontextmanager
async def _watching(api: str, users: list[str]) -> AsyncIterator[None]:
    """Watch all users, each over a connection of its own; what comes is read and thrown away."""
    begun = asyncio.Semaphore(0)

    async def read(session: aiohttp.ClientSession, user: str) -> None:
        async with session.get(f"{api}/accounts/{user}/stream") as answer:
            if answer.status != 200:
                raise LoadFailedError(f"the stream of {user} was answered {answer.status}")
            first = True
            async for _ in answer.content.iter_any():
                if first:
                    begun.release()
                    first = False

    async with AsyncExitStack() as stack:
        connector = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=None)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector, timeout=timeout))
        tasks = [asyncio.create_task(read(session, user)) for user in users]
        try:
            async with asyncio.timeout(FIRST_WITHIN):
                for _ in users:
                    await begun.acquire()
            yield
        except TimeoutError:
            raise LoadFailedError(f"not all streams had begun after {FIRST_WITHIN:.0f} s") from None
        finally:
            ended = [task for task in tasks if task.done()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if ended:
            raise LoadFailedError(f"{len(ended)} streams ended of themselves")
