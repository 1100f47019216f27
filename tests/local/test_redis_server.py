"""A local Redis."""

import os
import signal
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError

from daytrader.local.redis_server import RedisServer
from daytrader.local.supervisor import Supervisor
from tests.local.conftest import Words


async def test_it_serves_those_who_have_the_password(tmp_path: Path, words: Words) -> None:
    """Its URL reaches it; without the password nobody does; the password is in no argument."""
    server = RedisServer("redis", tmp_path / "redis")
    async with Supervisor(words) as supervisor:
        await supervisor.start(server.program)
        async with Redis.from_url(server.url) as client:
            await client.set("a", "1")
            assert await client.get("a") == b"1"
        async with Redis.from_url(f"redis://{server.url.split('@')[1]}") as stranger:
            with pytest.raises(AuthenticationError):
                await stranger.ping()
    password = server.url.split(":")[2].split("@")[0]
    assert not any(password in word for word in server.program.argv)


async def test_it_is_a_small_cache_and_nothing_more(tmp_path: Path, words: Words) -> None:
    """It writes nothing to disk, throws the oldest away at 64 MB, and listens on the loopback only."""
    server = RedisServer("redis", tmp_path)
    async with Supervisor(words) as supervisor:
        await supervisor.start(server.program)
        async with Redis.from_url(server.url, decode_responses=True) as client:
            settings = await client.config_get("*")
    assert {name: settings[name] for name in ("save", "appendonly", "maxmemory", "maxmemory-policy", "bind")} == {
        "save": "",
        "appendonly": "no",
        "maxmemory": str(64 * 2**20),
        "maxmemory-policy": "allkeys-lru",
        "bind": "127.0.0.1",
    }


async def test_it_comes_back_at_the_same_place(tmp_path: Path, words: Words) -> None:
    """After a kill -9, and in the next run on the same directory, the same URL reaches it."""
    server = RedisServer("redis", tmp_path)
    async with Supervisor(words) as supervisor:
        await supervisor.start(server.program)
        pid = supervisor.standings()[0].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await words.hear("redis died with signal 9 (SIGKILL); started again, attempt 1")
    again = RedisServer("redis", tmp_path)
    assert again.url == server.url
    async with Supervisor(words) as supervisor:
        await supervisor.start(again.program)
        async with Redis.from_url(again.url) as client:
            assert await client.ping()
