"""Which replicas are ready, and which a partition falls to."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytrader.internal import Tokens
from daytrader.membership import Alone, ProbedMembership, addresses_of, listed, rendezvous, resolved, server_name
from daytrader.session import InternalSession
from tests.web.replica import Replica, free_port

_replicas = st.sets(
    st.builds("http://10.0.{}.{}:8080".format, st.integers(0, 255), st.integers(0, 255)), min_size=1, max_size=8
)


@given(replicas=_replicas, joining=st.just("http://10.1.0.1:8080"), partition=st.integers(0, 1_000))
def test_partitions_move_only_to_a_joiner(replicas: set[str], joining: str, partition: int) -> None:
    """When a replica joins, a partition stays or falls to it; so when it leaves, only its own partitions move."""
    before = rendezvous(partition, sorted(replicas))
    after = rendezvous(partition, [*replicas, joining])
    assert after in (before, joining)


@given(replicas=st.lists(st.sampled_from([f"http://r{n}:1" for n in range(6)]), min_size=1), data=st.data())
def test_the_order_of_replicas_does_not_matter(replicas: list[str], data: st.DataObject) -> None:
    """Whoever knows the same replicas finds the same one, whatever the order in which it knows them."""
    shuffled = data.draw(st.permutations(replicas))
    assert [rendezvous(n, replicas) for n in range(16)] == [rendezvous(n, shuffled) for n in range(16)]


def test_partitions_are_spread() -> None:
    """Every one of a few replicas gets its share of many partitions."""
    replicas = [f"http://127.0.0.1:{port}" for port in range(8001, 8005)]
    owners = [rendezvous(number, replicas) for number in range(4_000)]
    assert all(850 < owners.count(replica) < 1_150 for replica in replicas)


def test_the_choice_is_the_same_in_every_build() -> None:
    """Replicas of different builds agree, so the choice must never change."""
    replicas = ["http://a:1", "http://b:1", "http://c:1"]
    assert "".join(rendezvous(number, replicas)[7] for number in range(16)) == "ccccaacacccacbab"


def test_no_replica_has_no_partition() -> None:
    """Without replicas there is nothing to fall to."""
    with pytest.raises(ValueError, match="empty"):
        rendezvous(0, [])


class _Watcher:
    """Waits for what a membership becomes."""

    def __init__(self, membership: ProbedMembership) -> None:
        self._membership = membership
        self._changed = asyncio.Event()
        self.changes: list[Sequence[str]] = []
        membership.subscribe(self._note)

    def _note(self) -> None:
        self.changes.append(self._membership.ready())
        self._changed.set()

    async def until(self, condition: Callable[[Sequence[str]], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition(self._membership.ready()):
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def _running(membership: ProbedMembership) -> AsyncIterator[_Watcher]:
    watcher = _Watcher(membership)
    task = asyncio.create_task(membership.run())
    try:
        await asyncio.wait_for(membership.settled.wait(), 10)
        yield watcher
    finally:
        task.cancel()
        await asyncio.wait([task])


def _session() -> InternalSession:
    return InternalSession(Tokens("the token of the tests"))


def _probed(*urls: str, own: str = "", probe_every: float = 0.02) -> ProbedMembership:
    return ProbedMembership(
        listed(",".join(urls)), _session(), own=own, probe_every=probe_every, probe_limit=0.3, resolve_every=0.02
    )


async def test_a_ready_replica_is_found() -> None:
    """Of the replicas that are listed, those that answer 200 are ready; of the others the reason is known."""
    one, two = Replica(), Replica()
    two.ready = False
    gone = f"http://127.0.0.1:{free_port()}"
    async with one.server() as first, two.server() as second:
        membership = _probed(first.url, second.url, gone)
        async with _running(membership):
            assert membership.ready() == (first.url,)
            assert membership.failures()[second.url] == "answers 503: not ready"
            assert membership.failures()[gone].startswith("cannot be reached")


async def test_a_replica_comes_and_goes() -> None:
    """A replica that gets ready is told to the subscribers, and one that dies as well."""
    replica = Replica()
    replica.ready = False
    async with replica.server() as server, _running(_probed(server.url)) as watcher:
        replica.ready = True
        await watcher.until(lambda ready: ready == (server.url,))
        await server.kill()
        await watcher.until(lambda ready: ready == ())
        assert watcher.changes == [(server.url,), ()]


async def test_a_suspect_is_out_at_once_and_back_after_a_probe() -> None:
    """A replica that is suspected is not ready until it has answered a probe that began later."""
    replica = Replica()
    async with replica.server() as server:
        membership = _probed(server.url)
        async with _running(membership) as watcher:
            membership.suspect(server.url, "it is silent")
            assert membership.ready() == ()
            assert membership.failures() == {server.url: "it is silent"}
            await watcher.until(lambda ready: ready == (server.url,))
            membership.suspect("http://127.0.0.1:1", "a stranger")
            assert membership.ready() == (server.url,)


async def test_a_first_suspicion_is_looked_into_at_once() -> None:
    """A suspect is asked at once, not at its next regular probe; where that happens again, it waits for it."""
    replica = Replica()
    async with replica.server() as server:
        membership = _probed(server.url, probe_every=600)
        async with _running(membership) as watcher:
            membership.suspect(server.url, "it is silent")
            await watcher.until(lambda ready: ready == (server.url,))
            membership.suspect(server.url, "it is silent again")
            probes = replica.probes
            await asyncio.sleep(0)
            assert (membership.ready(), replica.probes) == ((), probes)


async def test_a_probe_that_began_before_the_suspicion_does_not_count() -> None:
    """An answer to a probe that was under way when the replica was suspected does not bring it back."""
    replica = Replica()
    async with replica.server() as server:
        membership = _probed(server.url, probe_every=0.01)
        async with _running(membership) as watcher:
            replica.probe_gate.clear()
            await asyncio.wait_for(replica.probed.wait(), 10)
            membership.suspect(server.url, "it is silent")
            replica.ready = False
            replica.probe_gate.set()
            assert membership.ready() == ()
            replica.ready = True
            await watcher.until(lambda ready: ready == (server.url,))


async def test_a_silent_replica_is_not_ready() -> None:
    """A probe without an answer within its limit has failed."""
    replica = Replica()
    replica.probe_gate.clear()
    async with replica.server() as server:
        membership = _probed(server.url)
        async with _running(membership):
            assert membership.failures() == {server.url: "is silent"}
        replica.probe_gate.set()


async def test_ones_own_replica_always_counts() -> None:
    """A transaction replica knows of itself without asking, and of the others by asking."""
    replica = Replica()
    own = "http://127.0.0.1:1"
    async with replica.server() as server:
        membership = _probed(own, server.url, own=own)
        assert membership.ready() == (own,)
        async with _running(membership):
            assert membership.ready() == tuple(sorted((own, server.url)))
            assert membership.failures() == {}


async def test_the_list_may_change() -> None:
    """An address that appears is probed, and one that disappears is out."""
    one, two = Replica(), Replica()
    async with one.server() as first, two.server() as second:
        urls = [first.url]

        async def addresses() -> Sequence[str]:
            return urls

        membership = ProbedMembership(addresses, _session(), probe_every=0.02, resolve_every=0.02)
        async with _running(membership) as watcher:
            urls[:] = [second.url]
            await watcher.until(lambda ready: ready == (second.url,))


async def test_without_dns_the_known_replicas_stay() -> None:
    """Where the list cannot be had, those that are known go on being asked."""
    replica = Replica()
    async with replica.server() as server:
        looks = 0
        failed = asyncio.Event()

        async def addresses() -> Sequence[str]:
            nonlocal looks
            looks += 1
            if looks > 2:
                failed.set()
            if looks > 1:
                raise OSError("no name server")
            return [server.url]

        membership = ProbedMembership(addresses, _session(), probe_every=0.02, resolve_every=0.01)
        async with _running(membership):
            await asyncio.wait_for(failed.wait(), 10)
            assert membership.ready() == (server.url,)


async def test_the_addresses_of_a_service() -> None:
    """A headless Service's name gives a URL for each of its addresses."""
    assert "http://127.0.0.1:8081" in await resolved("localhost:8081")()
    assert "https://127.0.0.1:8081" in await resolved("localhost:8081", tls=True)()


def test_replicas_of_a_service_are_verified_by_its_name() -> None:
    """Their certificates hold the Service's name, not their addresses; without a Service the URL's name counts."""
    assert (server_name("transaction.shop.svc:8080"), server_name("")) == ("transaction.shop.svc", "")


async def test_dns_goes_before_a_list() -> None:
    """Where both are given, the list is not looked at."""
    assert "http://127.0.0.1:1" in await addresses_of("localhost:1", "http://elsewhere:1", tls=False)()
    assert await addresses_of("", "https://elsewhere:1", tls=True)() == ("https://elsewhere:1",)


async def test_a_name_that_is_not_known_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first replica starts before its name is in DNS: membership goes on, and finds it when it is."""
    replica = Replica()
    async with replica.server() as server:
        known = asyncio.Event()
        asked = asyncio.Event()

        async def getaddrinfo(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
            asked.set()
            if not known.is_set():
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
        membership = ProbedMembership(
            resolved(f"transaction.shop.svc:{server.port}"), _session(), probe_every=0.02, resolve_every=0.01
        )
        task = asyncio.create_task(membership.run())
        await asyncio.wait_for(asked.wait(), 10)
        assert (membership.ready(), membership.settled.is_set()) == ((), False)
        known.set()
        await asyncio.wait_for(membership.settled.wait(), 10)
        assert membership.ready() == (server.url,)
        task.cancel()
        await asyncio.wait([task])


def test_a_service_without_a_port_is_refused() -> None:
    """What is no HOST:PORT is said at once."""
    with pytest.raises(ValueError, match="'transaction' is no HOST:PORT"):
        resolved("transaction")


async def test_the_addresses_of_a_list() -> None:
    """A list is taken apart at its commas; blanks, empty items, final slashes and repetitions do no harm."""
    assert await listed(" http://a:1/, ,http://b:2,http://a:1")() == ("http://a:1", "http://b:2")


def test_alone_there_is_one_replica() -> None:
    """In one process the only replica is ready, whatever is suspected."""
    alone = Alone("here")
    alone.subscribe(lambda: None)
    alone.suspect("here", "it is silent")
    assert (alone.ready(), alone.failures()) == (("here",), {})
