"""The servers that all test processes share."""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient
from redis.asyncio import Redis

from daytrader.local.members import member_states
from tests.local.conftest import until

_ROOT = Path(__file__).parents[2]
_USER = """
import signal, sys
from pathlib import Path
from tests.keeper import kept
signal.signal(signal.SIGINT, signal.default_int_handler)  # a test run in the background of a script ignores Ctrl-C
with kept("redis", Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


async def test_the_set_is_whole(mongo_set: str) -> None:
    """The shared set has three members, one of them primary, and takes writes in any database."""
    async with AsyncMongoClient[dict[str, Any]](mongo_set) as client:
        states = await member_states(client)
        assert len(states) == 3
        assert [member.state for member in states].count("PRIMARY") == 1
        await client.test_shared_servers.journal.insert_one({})


async def test_redis_answers(redis_url: str) -> None:
    """The shared Redis answers at its URL."""
    async with Redis.from_url(redis_url) as client:
        assert await client.ping()


def _names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


async def _user(directory: Path) -> tuple[asyncio.subprocess.Process, str]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _USER, str(directory), cwd=_ROOT, stdin=pipe, stdout=pipe
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        return process, (await process.stdout.readline()).decode().strip()


async def test_the_last_user_ends_it(tmp_path: Path) -> None:
    """Two processes share one server; it outlives the one that started it, killed or not, and goes with the last."""
    first, url = await _user(tmp_path)
    second, same = await _user(tmp_path)
    assert url == same
    first.kill()
    await first.wait()
    async with Redis.from_url(url) as client:
        assert await client.ping()
    os.kill(second.pid, signal.SIGINT)
    await second.wait()
    await until(lambda: _names(tmp_path) == {"redis.lock", "redis.log"})
    third, other = await _user(tmp_path)
    assert other != url
    assert third.stdin is not None
    third.stdin.close()
    assert await third.wait() == 0
    assert _names(tmp_path) == {"redis.lock", "redis.log"}
