"""A dump of the whole log, measured: how much, how long, and how much memory the audit service takes meanwhile."""

import asyncio
import time
from typing import Final

import aiohttp
import msgspec
import psutil

SAMPLE_EVERY: Final = 0.05
"""Seconds between two looks at the memory."""

_EVENT: Final = b"<transactionNum>"
"""Stands once in every event."""


class MeasuredDump(msgspec.Struct, frozen=True):
    """What one DUMPLOG of everything showed."""

    events: int
    bytes: int
    seconds: float
    audit_mb: float
    """The most memory (resident set) that the audit service had during the dump."""


async def measure_dump(url: str, audit_pid: int) -> MeasuredDump:
    """Ask for the whole log at `url` and read it to its end. Raises aiohttp.ClientError where it breaks off."""
    audit = psutil.Process(audit_pid)
    most = 0
    ended = asyncio.Event()

    async def watch() -> None:
        nonlocal most
        while not ended.is_set():
            most = max(most, audit.memory_info().rss)
            await asyncio.sleep(SAMPLE_EVERY)

    watching = asyncio.create_task(watch())
    started = time.monotonic()
    events = size = 0
    rest = b""
    async with (
        aiohttp.ClientSession() as client,
        client.post(f"{url}/command/DUMPLOG", params={"filename": "all"}, timeout=aiohttp.ClientTimeout(600)) as answer,
    ):
        answer.raise_for_status()
        async for chunk in answer.content.iter_any():
            size += len(chunk)
            lines, newline, rest = (rest + chunk).rpartition(b"\n")
            whole = lines + newline
            events += whole.count(_EVENT)
    seconds = time.monotonic() - started
    ended.set()
    await watching
    return MeasuredDump(events, size, round(seconds, 2), round(most / 1e6, 1))
