"""Many idle streams at one web replica, and what each of them takes.

2,000 usually, and 10,000 in the long run, or as many as the hard limit of open files allows (`ulimit -Hn`).
"""

import asyncio
import resource
import sys
from pathlib import Path

import psutil
import pytest

from tests.web.api.streaming import asking

LARGEST = 24 * 1024
"""Bytes of memory that a stream may take, its connection included. Measured: 20.5 KiB of 2,000, 21.4 KiB of 10,000."""

OTHER_FILES = 500
"""That are open besides."""


@pytest.mark.parametrize("wanted", [2_000, pytest.param(10_000, marks=pytest.mark.long)])
async def test_an_idle_stream_takes_little_memory(installation: int, wanted: int) -> None:
    """So many streams of as many users are open at once; a command is answered and told meanwhile."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard - OTHER_FILES)
    program = Path(__file__).with_name("opening_streams.py")
    await _opened(program, installation, 100)  # what is taken once is taken now
    async with asking(installation) as client:
        before = psutil.Process().memory_info().rss
        holder = await _start(program, installation, count)
        assert await _line(holder) == count
        each = (psutil.Process().memory_info().rss - before) / count
        assert await client.deposit("idle7", 100) == 200
        assert await _end(holder) == count
    sys.stdout.write(f"{count} streams: {each / 1024:.1f} KiB each\n")
    assert each < LARGEST, f"{each / 1024:.1f} KiB a stream"


async def _start(program: Path, port: int, count: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, str(program), str(port), str(count)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )


async def _line(holder: asyncio.subprocess.Process) -> int:
    assert holder.stdout is not None
    return int(await asyncio.wait_for(holder.stdout.readline(), 300))


async def _end(holder: asyncio.subprocess.Process) -> int:
    """Let the program end; returns how many streams it still had."""
    assert holder.stdin is not None
    holder.stdin.close()
    alive = await _line(holder)
    await holder.wait()
    return alive


async def _opened(program: Path, port: int, count: int) -> None:
    holder = await _start(program, port, count)
    assert await _line(holder) == count
    await _end(holder)
