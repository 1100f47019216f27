"""The batch endpoint side by side with single requests: the same commands and users over one connection pool."""

import asyncio
import itertools
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Final

import aiohttp
import msgspec

from daytrader.bench.cpu import CpuMeter
from daytrader.bench.load import LoadFailedError

USERS: Final = 1_000

CONNECTIONS: Final = 64
"""Of the pool; a single request is under way on each of them."""

BATCHES: Final = 4
"""Under way at a time, on the same pool."""

ROUNDS: Final = 3
"""How often each way takes its turn, so that what else the machine does falls on both."""

CLIENT: Final = "client"

_LINES: Final = (
    '{"command":"QUOTE","user":"%s","symbol":"DOG"}\n',
    '{"command":"BUY","user":"%s","symbol":"DOG","amount_cents":1000}\n',
    '{"command":"COMMIT_BUY","user":"%s"}\n',
    '{"command":"ADD","user":"%s","amount_cents":1000}\n',
)
_DEPOSIT: Final = '{"command":"ADD","user":"%s","amount_cents":100000}\n'
_SINGLES: Final = (
    ("GET", "quotes/DOG", None),
    ("POST", "buys", b'{"symbol":"DOG","amount_cents":1000}'),
    ("POST", "buys/commit", None),
    ("POST", "deposits", b'{"amount_cents":1000}'),
)
_NDJSON: Final = {"Content-Type": "application/x-ndjson"}
_JSON: Final = {"Content-Type": "application/json"}


class MeasuredWay(msgspec.Struct, frozen=True):
    """One way of giving commands."""

    way: str
    commands: int
    commands_per_s: float
    cpu_ms_by_part: Mapping[str, float]
    """CPU ms a command by part, the client's included."""


Give = Callable[[], Awaitable[int]]
"""Gives some commands, and returns how many were accepted. Raises LoadFailedError where one was not."""


async def measure_batch(url: str, pids: Mapping[str, int], seconds: float) -> list[MeasuredWay]:
    """Return what single requests did, and what batches did, in `ROUNDS` turns of so many seconds each.

    `pids` are the installation's processes by name. Raises LoadFailedError where a command is not accepted.
    """
    users = [f"batch{number}" for number in range(USERS)]
    api = f"{url}/api/v1"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS)) as pool:
        await deposit(pool, api, users)
        singles = [single(pool, api, users[first::CONNECTIONS]) for first in range(CONNECTIONS)]
        batches = [_in_batches(pool, api, users[first::BATCHES]) for first in range(BATCHES)]
        turns: dict[str, list[Turn]] = {"single requests": [], "batches": []}
        for _ in range(ROUNDS):
            for way, workers in (("single requests", singles), ("batches", batches)):
                turns[way].append(await turn(workers, pids, seconds))
    return [measured(way, theirs) for way, theirs in turns.items()]


class Turn(msgspec.Struct, frozen=True):
    """What was done in one turn."""

    commands: int
    seconds: float
    cpu: Mapping[str, float]

    @property
    def commands_per_s(self) -> float:
        """Of this turn."""
        return self.commands / self.seconds


def measured(way: str, turns: Sequence[Turn]) -> MeasuredWay:
    """Return what was done in all turns of one way."""
    commands = sum(turn.commands for turn in turns)
    seconds = sum(turn.seconds for turn in turns)
    parts = {part: sum(turn.cpu[part] for turn in turns) for part in turns[0].cpu}
    by_part = {part: round(1000 * spent / commands, 4) for part, spent in parts.items()}
    return MeasuredWay(way, commands, round(commands / seconds, 1), by_part)


async def turn(workers: Sequence[Give], pids: Mapping[str, int], seconds: float) -> Turn:
    """Let the workers give commands for so many seconds. Raises LoadFailedError where one is not accepted."""
    meter = CpuMeter({**pids, CLIENT: os.getpid()})
    began = time.monotonic()

    async def work(give: Give) -> int:
        given = 0
        while time.monotonic() < began + seconds:
            given += await give()
        return given

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work(give)) for give in workers]
    except* LoadFailedError as failed:
        raise failed.exceptions[0] from None
    commands = sum(task.result() for task in tasks)
    return Turn(commands, time.monotonic() - began, meter.seconds())


def single(pool: aiohttp.ClientSession, api: str, users: Sequence[str]) -> Give:
    """Return what gives the next command by itself: one step of `_SINGLES` for each user, then the next step."""
    steps: Iterator[tuple[tuple[str, str, bytes | None], str]] = (
        (step, user) for step in itertools.cycle(_SINGLES) for user in users
    )

    async def give() -> int:
        (method, below, body), user = next(steps)
        headers = None if body is None else _JSON
        async with pool.request(method, f"{api}/accounts/{user}/{below}", data=body, headers=headers) as answer:
            told = await answer.read()
            if answer.status not in (200, 201):
                raise LoadFailedError(f"{below} of {user} was answered {answer.status}: {told.decode()}")
        return 1

    return give


def _in_batches(pool: aiohttp.ClientSession, api: str, users: Sequence[str]) -> Give:
    """Return what gives the next batch: all steps of `_LINES`, each for all users."""
    lines = [line % user for line in _LINES for user in users]

    async def give() -> int:
        await _batch(pool, api, lines)
        return len(lines)

    return give


async def deposit(pool: aiohttp.ClientSession, api: str, users: Sequence[str]) -> None:
    """Give each of the users money. Raises LoadFailedError where that is not accepted."""
    await _batch(pool, api, [_DEPOSIT % user for user in users])


async def _batch(pool: aiohttp.ClientSession, api: str, lines: Sequence[str]) -> None:
    async with pool.post(f"{api}/batch", data="".join(lines).encode(), headers=_NDJSON) as answer:
        told = await answer.read()
    accepted = told.count(b'"status":200') + told.count(b'"status":201')
    if answer.status != 200 or accepted != len(lines):
        failed = next((line for line in told.splitlines() if b'"problem"' in line), told[:200])
        raise LoadFailedError(f"of {len(lines)} commands in a batch {accepted} were accepted: {failed.decode()}")
