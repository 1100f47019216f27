"""The cache that replicas share, against a real Redis, also a frozen and a killed one."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
import trustme
from redis.asyncio import Redis

from daytrader.domain.quote import VALID_MS, Hit, Quote
from daytrader.quotes.legacy import LegacyQuoteServer
from daytrader.quotes.mock import MockQuoteServer
from daytrader.quotes.port import Claim
from daytrader.quotes.redis import CLOCK_SKEW_MS, RedisQuoteCache
from daytrader.quotes.source import QuoteSource
from daytrader.tls import ServerTls
from tests.certificates import Mounted
from tests.quotes.conftest import Sample
from tests.quotes.redis_process import RedisProcess
from tests.quotes.scripted import ScriptedQuoteServer, TurnedClock
from tests.tls_front import Front

ReplicaOf = Callable[..., RedisQuoteCache]
PATIENT_MS = 5_000
"""A time limit that no healthy Redis reaches, however busy the machine."""
FOREVER_MS = 60_000
"""Longer than any test waits."""


@pytest.fixture
def quotes_url(redis_url: str, worker_id: str) -> str:
    """A database in the shared Redis that only this process of the test run uses."""
    number = int(worker_id.removeprefix("gw")) if worker_id.startswith("gw") else 0
    return urlsplit(redis_url)._replace(path=f"/{1 + number % 15}").geturl()


@pytest.fixture
async def redis(quotes_url: str) -> AsyncIterator[Redis]:
    """A client of that database, empty."""
    client = Redis.from_url(quotes_url)
    await client.flushdb()
    yield client
    await client.aclose()


@pytest.fixture
async def replica_of(clock: TurnedClock) -> AsyncIterator[ReplicaOf]:
    """Makes replicas' caches, all with the clock of the test."""
    made: list[RedisQuoteCache] = []

    def make(url: str, **options: int) -> RedisQuoteCache:
        chosen: dict[str, Any] = {"time_limit_ms": PATIENT_MS, "asking_ms": FOREVER_MS, **options}
        made.append(RedisQuoteCache(url, clock=clock, **chosen))
        return made[-1]

    yield make
    for cache in made:
        await cache.close()


@pytest.fixture
def one(redis: Redis, quotes_url: str, replica_of: ReplicaOf) -> RedisQuoteCache:
    """One replica's cache, empty."""
    return replica_of(quotes_url)


@pytest.fixture
def other(redis: Redis, quotes_url: str, replica_of: ReplicaOf) -> RedisQuoteCache:
    """Another replica's cache in the same Redis."""
    return replica_of(quotes_url)


async def claim_of(cache: RedisQuoteCache, symbol: str = "ABC") -> Claim:
    """The right to ask, which must come without waiting for a claim of somebody else's to lapse."""
    async with asyncio.timeout(10):
        claim = await cache.quote_or_claim(symbol)
    assert isinstance(claim, Claim)
    return claim


async def test_the_first_may_ask_and_the_others_get_its_quote(
    one: RedisQuoteCache, other: RedisQuoteCache, clock: TurnedClock
) -> None:
    """A replica that waits gets the quote when it is there, without asking."""
    claim = await claim_of(one)
    waiting = asyncio.create_task(other.quote_or_claim("ABC"))
    quote = Quote("ABC", 500, clock.now, 1234)
    await one.put(quote, claim)
    assert await waiting == quote
    assert await one.quote_or_claim("ABC") == quote


async def test_symbols_do_not_wait_for_each_other(one: RedisQuoteCache, other: RedisQuoteCache) -> None:
    """The right to ask is one per symbol."""
    assert (await claim_of(one, "A")) != (await claim_of(other, "B"))


async def test_a_failed_asker_lets_the_next_one_try(one: RedisQuoteCache, other: RedisQuoteCache) -> None:
    """A claim given back without a quote is granted to who waits."""
    claim = await claim_of(one)
    waiting = asyncio.create_task(other.quote_or_claim("ABC"))
    await one.release(claim)
    assert isinstance(await waiting, Claim)


async def test_a_dead_askers_claim_lapses(redis: Redis, quotes_url: str, replica_of: ReplicaOf) -> None:
    """Who waits asks for itself when the one who asked never comes back."""
    dead, alive = replica_of(quotes_url, asking_ms=50), replica_of(quotes_url)
    await claim_of(dead)
    await claim_of(alive)


async def test_waiting_is_bounded(redis: Redis, quotes_url: str, replica_of: ReplicaOf) -> None:
    """Even where somebody holds the claim for ever, who waits asks for itself in the end."""
    await claim_of(replica_of(quotes_url))
    await claim_of(replica_of(quotes_url, asking_ms=50))


async def test_only_its_holder_gives_a_claim_back(one: RedisQuoteCache, redis: Redis) -> None:
    """A claim that lapsed and went to another replica is not taken from it."""
    await claim_of(one)
    await one.release(Claim("ABC", "of another"))
    assert await redis.exists("quote:ABC:asking")


async def test_the_quote_is_kept_for_its_remaining_validity(
    one: RedisQuoteCache, redis: Redis, clock: TurnedClock
) -> None:
    """The key is `quote:SYMBOL`, the value msgpack, its life what is left of 60 s; the claim is gone."""
    quote = Quote("ABC", 500, clock.now - 20_000, 1234)
    await one.put(quote, await claim_of(one))
    value = await redis.get("quote:ABC")
    assert isinstance(value, bytes)
    assert msgspec.msgpack.decode(value) == ["ABC", 500, clock.now - 20_000, 1234]
    assert 30_000 < await redis.pttl("quote:ABC") <= 40_000
    assert not await redis.exists("quote:ABC:asking")


async def test_an_expired_quote_is_not_shared(one: RedisQuoteCache, redis: Redis, clock: TurnedClock) -> None:
    """Neither is one kept that is old already, nor one given that has grown old since."""
    await one.put(Quote("OLD", 500, clock.now - VALID_MS, 1), await claim_of(one, "OLD"))
    assert await redis.keys() == []
    await one.put(Quote("ABC", 500, clock.now, 1), None)
    clock.now += VALID_MS
    await claim_of(one)


@pytest.mark.parametrize(("ahead", "given"), [(CLOCK_SKEW_MS, True), (CLOCK_SKEW_MS + 1, False)])
async def test_a_quote_from_the_future_is_none(
    one: RedisQuoteCache, other: RedisQuoteCache, clock: TurnedClock, ahead: int, given: bool
) -> None:
    """A replica whose clock runs ahead by more than a second does not prolong its quotes for the others."""
    quote = Quote("ABC", 500, clock.now + ahead, 1)
    clock.now += ahead
    await one.put(quote, None)
    clock.now -= ahead
    assert isinstance(await other.quote_or_claim("ABC"), Quote) == given


async def test_an_older_quote_does_not_replace_a_newer_one(
    one: RedisQuoteCache, other: RedisQuoteCache, clock: TurnedClock
) -> None:
    """Two that asked at once leave the quote that was asked for last."""
    newer, older = Quote("ABC", 600, clock.now, 1), Quote("ABC", 500, clock.now - 10, 1)
    await one.put(newer, None)
    await other.put(older, None)
    assert await one.quote_or_claim("ABC") == newer


@pytest.mark.parametrize(
    "value",
    [
        b"\xc1",
        b"",
        msgspec.msgpack.encode(["ABC"]),
        msgspec.msgpack.encode(["ABC", 500, "soon", 1]),
        msgspec.msgpack.encode(["XYZ", 500, 1_700_000_000_000, 1]),
        msgspec.msgpack.encode(["ABC", 0, 1_700_000_000_000, 1]),
        msgspec.msgpack.encode(["ABC", "5.00", 1_700_000_000_000, 1]),
    ],
)
async def test_a_value_that_is_no_quote_is_none(
    one: RedisQuoteCache, redis: Redis, clock: TurnedClock, value: bytes
) -> None:
    """Whatever somebody put there: the replica asks for itself, and its quote takes the place."""
    await redis.set("quote:ABC", value)
    claim = await one.quote_or_claim("ABC")
    assert isinstance(claim, Claim)
    clock.now += 1
    quote = Quote("ABC", 500, clock.now, 1)
    await one.put(quote, claim)
    assert await one.quote_or_claim("ABC") == quote


async def test_one_of_many_replicas_asks(
    redis: Redis, quotes_url: str, replica_of: ReplicaOf, clock: TurnedClock, strays: list[Hit]
) -> None:
    """Ten replicas that need the same five quotes at once buy each of them once."""
    async with MockQuoteServer() as mock:
        sources = [
            QuoteSource(
                LegacyQuoteServer(*mock.address, clock=clock, on_stray_hit=strays.append),
                replica_of(quotes_url),
                clock=clock,
                on_stray_hit=strays.append,
            )
            for _ in range(10)
        ]
        fetches = [source.fetch(symbol, "alice") for source in sources for symbol in "ABCDE"]
        fetched = await asyncio.gather(*fetches)
        for source in sources:
            await source.close()
    hits = [answer.hit.cryptokey for answer in fetched if answer.hit]
    assert (len(hits), len(set(hits)), mock.answered, strays) == (5, 5, 5, [])
    assert len({answer.quote for answer in fetched}) == 5


async def test_redis_killed_and_back(
    own_redis: RedisProcess, replica_of: ReplicaOf, clock: TurnedClock, gained: Sample
) -> None:
    """Without Redis everyone may ask; it is said; and when Redis is back it is used again."""
    cache = replica_of(own_redis.url, rest_ms=0)
    await cache.put(Quote("ABC", 500, clock.now, 1), None)
    assert (cache.available, cache.error) == (True, "")
    own_redis.kill()
    await claim_of(cache)
    await cache.put(Quote("ABC", 500, clock.now, 1), None)
    await cache.release(Claim("ABC", "token"))
    assert not cache.available
    assert "every replica asks the quote server for itself" in cache.error
    assert gained("daytrader_quote_cache_up") == -1
    assert gained("daytrader_quote_cache_failures_total") >= 1
    own_redis.start()
    await cache.check()
    assert (cache.available, cache.error) == (True, "")
    quote = Quote("ABC", 600, clock.now, 1)
    await cache.put(quote, await claim_of(cache))
    assert await cache.quote_or_claim("ABC") == quote


async def test_a_frozen_redis_costs_the_time_limit_once(
    own_redis: RedisProcess, replica_of: ReplicaOf, clock: TurnedClock
) -> None:
    """While it is left alone, nothing waits for it; a failure costs one time limit, not one for every quote."""
    cache = replica_of(own_redis.url, time_limit_ms=50, rest_ms=60_000)
    await cache.check()
    assert cache.available
    own_redis.freeze()
    loop = asyncio.get_running_loop()
    before = loop.time()
    for number in itertools.islice(itertools.product("ABCDEFGH", repeat=3), 200):
        symbol = "".join(number)
        await claim_of(cache, symbol)
    assert loop.time() - before < 5
    assert "no answer within 0.05 s" in cache.error


async def test_a_frozen_redis_frees_all_who_wait_at_once(own_redis: RedisProcess, replica_of: ReplicaOf) -> None:
    """In whatever step of connecting or asking the time limit falls, nobody is left waiting."""
    own_redis.freeze()
    for limit in (*range(1, 16), 100):
        cache = replica_of(own_redis.url, time_limit_ms=limit, rest_ms=60_000)
        async with asyncio.timeout(3):
            await asyncio.gather(*(claim_of(cache) for _ in range(200)))


async def test_a_thawed_redis_is_used_again(own_redis: RedisProcess, replica_of: ReplicaOf, clock: TurnedClock) -> None:
    """No answer to an old question is mistaken for the answer to a new one, and the probes left nothing locked."""
    cache = replica_of(own_redis.url, time_limit_ms=300, rest_ms=0)
    # At once, so that there are connections enough, on which a frozen Redis finds the next commands when it thaws.
    await asyncio.gather(*(cache.put(Quote(symbol, 500, clock.now, 1), None) for symbol in "ABCDEFGH"))
    assert cache.available
    own_redis.freeze()
    for symbol in "ABC":
        await claim_of(cache, symbol)
    for symbol in "XYZ":
        await claim_of(cache, symbol)
    own_redis.thaw()
    async with asyncio.timeout(10):
        while not cache.available:
            await cache.check()
    patient = replica_of(own_redis.url)
    for symbol in "ABC":
        quote = Quote(symbol, 500, clock.now, 1)
        assert await patient.quote_or_claim(symbol) == quote
        assert await cache.quote_or_claim(symbol) == quote
    for symbol in "XYZ":
        await claim_of(patient, symbol)


async def test_quotes_go_on_without_redis(
    own_redis: RedisProcess,
    replica_of: ReplicaOf,
    clock: TurnedClock,
    strays: list[Hit],
    scripted: ScriptedQuoteServer,
) -> None:
    """Redis dying between the question and the answer harms neither the quote nor the hit, and status says it."""
    source = QuoteSource(
        LegacyQuoteServer(*scripted.address, clock=clock, on_stray_hit=strays.append),
        replica_of(own_redis.url),
        clock=clock,
        on_stray_hit=strays.append,
    )
    fetching = asyncio.create_task(source.fetch("ABC", "alice"))
    question = await scripted.question(0)
    own_redis.kill()
    key = question.answer()
    hit = (await fetching).hit
    assert hit is not None
    assert (hit.cryptokey, strays) == (key, [])
    await source.check()
    assert not source.status().cache_available
    await source.close()


class TestTls:
    async def test_the_server_is_verified_by_the_ca(self, quotes_url: str, clock: TurnedClock, tmp_path: Path) -> None:
        """At rediss:// quotes are shared with a server that the CA's file vouches for, also after it was renewed."""
        mounted = Mounted(tmp_path)
        mounted.put_certificate(trustme.CA(), "127.0.0.1")
        tls, behind = ServerTls(mounted.certificate, mounted.key), urlsplit(quotes_url)
        async with Front(tls, behind.port or 0).running() as front:
            url = quotes_url.replace("redis:", "rediss:", 1).replace(f":{behind.port}/", f":{front.port}/")
            cache = RedisQuoteCache(url, ca=mounted.ca, clock=clock, time_limit_ms=PATIENT_MS, rest_ms=0)
            await cache.check()
            assert cache.available
            mounted.put_certificate(trustme.CA(), "127.0.0.1")
            tls.read()
            await front.cut()
            await cache.check()
            await cache.check()
            assert cache.available
            await cache.close()

    async def test_another_server_is_left_alone(self, quotes_url: str, clock: TurnedClock, tmp_path: Path) -> None:
        """One that another authority has signed gets nothing; every replica asks the quote server for itself."""
        mounted, other = Mounted(tmp_path / "tls"), tmp_path / "other.pem"
        mounted.put_certificate(trustme.CA(), "127.0.0.1")
        other.write_bytes(trustme.CA().cert_pem.bytes())
        behind = urlsplit(quotes_url)
        async with Front(ServerTls(mounted.certificate, mounted.key), behind.port or 0).running() as front:
            url = quotes_url.replace("redis:", "rediss:", 1).replace(f":{behind.port}/", f":{front.port}/")
            cache = RedisQuoteCache(url, ca=str(other), clock=clock, time_limit_ms=PATIENT_MS)
            await cache.check()
            assert "CERTIFICATE_VERIFY_FAILED" in cache.error
            await cache.close()
