"""The router and its links, against replicas that do as they are told."""

import asyncio
from collections.abc import Awaitable, Sequence

import msgspec
import pytest

from daytrader.internal import Tokens
from daytrader.membership import rendezvous
from daytrader.transaction.message import Reply, Request, encode_replies
from daytrader.web.dispatch import FULL, NO_REPLICA, UNKNOWN
from daytrader.web.link import Limits
from daytrader.web.router import Router
from tests.web.conftest import PARTITIONS, QUICK, Add, routing
from tests.web.replica import HttpServer, Replica, accept, free_port


async def _all(router: Router, requests: Sequence[Request]) -> list[Reply]:
    async with asyncio.timeout(10):
        return await asyncio.gather(*(router.submit(request) for request in requests))


async def _soon(reply: Awaitable[Reply]) -> Reply:
    return await asyncio.wait_for(reply, 10)


def _users_of(url: str, urls: Sequence[str], add: Add) -> list[Request]:
    """Return a request for each of many users whose partition falls to `url`."""
    requests = [add(f"user{number}") for number in range(200)]
    return [request for request in requests if rendezvous(request.partition, urls) == url]


async def test_a_reply_goes_to_its_own_command(replica: Replica, replica_server: HttpServer, add: Add) -> None:
    """The replies of a batch reach the commands in whose places they stand."""
    replica.answer = lambda request: Reply(400, request.id.encode())
    async with routing(replica_server.url) as router:
        requests = [add(f"user{number}") for number in range(50)]
        replies = await _all(router, requests)
    assert [reply.body.decode() for reply in replies] == [request.id for request in requests]


async def test_one_batch_is_under_way(replica: Replica, replica_server: HttpServer, add: Add) -> None:
    """What arrives while a batch is under way forms the next one, in the order of arrival."""
    replica.gate.clear()
    async with routing(replica_server.url) as router:
        first = asyncio.create_task(router.submit(add(number=0)))
        await replica.wait_for(lambda: len(replica.batches) == 1)
        others = [asyncio.create_task(router.submit(add(number=number))) for number in range(1, 40)]
        await asyncio.sleep(0)
        replica.gate.set()
        await asyncio.wait_for(asyncio.gather(first, *others), 10)
    assert [len(batch) for batch in replica.batches] == [1, 39]
    assert replica.most_under_way == 1
    assert [request.id for request in replica.decided] == [f"w:t{number}" for number in range(40)]


async def test_a_batch_is_bounded(replica: Replica, replica_server: HttpServer, add: Add) -> None:
    """No batch is larger than the limit; the rest forms further ones."""
    async with routing(replica_server.url, limits=msgspec.structs.replace(QUICK, batch=10)) as router:
        await _all(router, [add() for _ in range(35)])
    assert sum(map(len, replica.batches)) == 35
    assert max(map(len, replica.batches)) == 10


async def test_too_much_is_refused_at_once(replica: Replica, replica_server: HttpServer, add: Add) -> None:
    """Above 10,000 commands under way the next one gets 429 without waiting, and all others their replies."""
    replica.gate.clear()
    async with routing(replica_server.url, limits=Limits()) as router:
        waiting = [asyncio.create_task(router.submit(add())) for _ in range(10_000)]
        await asyncio.sleep(0)
        assert await router.submit(add()) is FULL
        assert FULL.status == 429
        replica.gate.set()
        replies = await asyncio.wait_for(asyncio.gather(*waiting), 30)
    assert {reply.status for reply in replies} == {200}


async def test_a_slow_command_is_polled_for(replica: Replica, replica_server: HttpServer, add: Add) -> None:
    """A command that is still under way is asked for again with the same id and time and the next attempt."""
    replica.answer = lambda request: Reply(200) if request.attempt >= 3 else None
    async with routing(replica_server.url) as router:
        sent = add()
        assert (await _soon(router.submit(sent))).status == 200
    polled = [request for poll in replica.polls for request in poll]
    assert polled == [msgspec.structs.replace(sent, attempt=attempt) for attempt in (1, 2, 3)]


async def test_slow_commands_hold_up_nobody(replica: Replica, replica_server: HttpServer, add: Add) -> None:
    """While a command is polled for, others go through in batches."""
    slow = add("slow")
    finished = False

    def answer(request: Request) -> Reply | None:
        return None if request.id == slow.id and not finished else Reply(200)

    replica.answer = answer
    async with routing(replica_server.url) as router:
        under_way = asyncio.create_task(router.submit(slow))
        await replica.wait_for(lambda: bool(replica.polls))
        for _ in range(20):
            assert (await _soon(router.submit(add("quick")))).status == 200
        assert not under_way.done()
        finished = True
        assert (await _soon(under_way)).status == 200


async def test_each_commands_poll_is_its_own(replica: Replica, replica_server: HttpServer, add: Add) -> None:
    """A command that gets slow while another is polled for is polled for at once, not at the end of that poll."""
    blocked = asyncio.Event()
    first, second = add("first"), add("second")

    async with routing(replica_server.url) as router:
        replica.answer = lambda request: None if not request.attempt else Reply(200)
        replica.poll_gate = lambda requests: blocked.wait() if first.id in {one.id for one in requests} else None
        waiting = asyncio.create_task(router.submit(first))
        await replica.wait_for(lambda: len(replica.polls) == 1)
        assert (await _soon(router.submit(second))).status == 200
        assert not waiting.done()
        blocked.set()
        assert (await _soon(waiting)).status == 200


async def test_a_dead_replicas_commands_go_to_the_next(add: Add) -> None:
    """When a replica dies under a batch, its commands go to the replica that has their partitions now."""
    one, two = Replica(), Replica()
    one.gate.clear()
    async with one.server() as dying, two.server() as other, routing(dying.url, other.url) as router:
        requests = _users_of(dying.url, [dying.url, other.url], add)
        replies = asyncio.create_task(_all(router, requests))
        await one.wait_for(lambda: len(one.batches) == 1)
        await dying.kill()
        assert {reply.status for reply in await replies} == {200}
    assert two.received == [msgspec.structs.replace(request, attempt=1) for request in requests]


async def test_a_silent_replicas_commands_go_to_the_next(add: Add) -> None:
    """A replica that says nothing for the limit counts as dead, and gets nothing more before it answers a probe."""
    one, two = Replica(), Replica()
    one.gate.clear()
    async with one.server() as silent, two.server() as other, routing(silent.url, other.url) as router:
        requests = _users_of(silent.url, [silent.url, other.url], add)
        one.ready = False
        replies = await _all(router, requests)
        assert {reply.status for reply in replies} == {200}
        assert two.received == [msgspec.structs.replace(request, attempt=1) for request in requests]
        one.gate.set()


async def test_a_refused_batch_is_routed_again(add: Add) -> None:
    """A batch that a draining replica answers 503 goes to the next one as it is: nobody has tried to decide it."""
    one, two = Replica(), Replica()
    one.status = 503
    async with one.server() as draining, two.server() as other, routing(draining.url, other.url) as router:
        requests = _users_of(draining.url, [draining.url, other.url], add)
        one.ready = False
        assert {reply.status for reply in await _all(router, requests)} == {200}
    assert two.decided == requests


async def test_commands_wait_for_a_replica(add: Add) -> None:
    """Without a ready replica commands wait, and are decided when one is there."""
    port = free_port()
    async with routing(f"http://127.0.0.1:{port}") as router:
        waiting = asyncio.create_task(_all(router, [add(number=number) for number in range(5)]))
        await asyncio.sleep(0)
        replica = Replica()
        async with replica.server(port):
            assert {reply.status for reply in await waiting} == {200}
    assert [request.id for request in replica.decided] == [f"w:t{number}" for number in range(5)]


async def test_without_a_replica_nothing_came_of_it(add: Add) -> None:
    """A command that could not be sent before its deadline gets 503 and is known to have had no effect."""
    limits = msgspec.structs.replace(QUICK, deadline=0.2)
    async with routing(f"http://127.0.0.1:{free_port()}", limits=limits) as router:
        assert await _soon(router.submit(add())) is NO_REPLICA


async def test_after_sending_the_outcome_is_unknown(replica: Replica, replica_server: HttpServer, add: Add) -> None:
    """A command that was sent and not answered before its deadline gets 503 `Outcome unknown`."""
    replica.answer = lambda _: None
    async with routing(replica_server.url, limits=msgspec.structs.replace(QUICK, deadline=0.2)) as router:
        assert await _soon(router.submit(add())) is UNKNOWN
    assert UNKNOWN.body == b"Outcome unknown"


async def test_what_expired_takes_no_room(add: Add) -> None:
    """Commands past their deadline are not kept while no replica is ready."""
    limits = msgspec.structs.replace(QUICK, deadline=0.1, under_way=10)
    async with routing(f"http://127.0.0.1:{free_port()}", limits=limits) as router:
        for _ in range(2):
            assert {reply.status for reply in await _all(router, [add() for _ in range(10)])} == {503}
        assert router.under_way() == 0


@pytest.mark.parametrize("body", [b"\xc1", encode_replies([]), encode_replies([None] * 1000), encode_replies([1])])
async def test_nonsense_is_a_failure(add: Add, body: bytes) -> None:
    """A replica whose replies cannot be read, or are too few or too many, is treated as one that died."""
    one, two = Replica(), Replica()
    async with one.server() as odd, two.server() as other, routing(odd.url, other.url) as router:
        requests = _users_of(odd.url, [odd.url, other.url], add)
        one.body, one.ready = body, False
        assert {reply.status for reply in await _all(router, requests)} == {200}
    assert two.received == [msgspec.structs.replace(request, attempt=1) for request in requests]


async def test_a_wrong_token_reaches_nobody(replica: Replica, replica_server: HttpServer, add: Add) -> None:
    """A replica that denies the credential gets no command to decide, and the client a 503."""
    replica.app._tokens = Tokens("another")
    async with routing(replica_server.url, limits=msgspec.structs.replace(QUICK, deadline=0.3)) as router:
        assert (await _soon(router.submit(add()))).status == 503
    assert not replica.received


async def test_partitions_are_shared_out(add: Add) -> None:
    """Every partition's commands go to the replica that rendezvous gives, and to no other."""
    one, two = Replica(), Replica()
    async with one.server() as first, two.server() as second, routing(first.url, second.url) as router:
        await _all(router, [add(f"user{number}") for number in range(300)])
        urls = [first.url, second.url]
    for replica, url in ((one, first.url), (two, second.url)):
        owned = {number for number in range(PARTITIONS) if rendezvous(number, urls) == url}
        assert {request.partition for request in replica.decided} == owned


async def test_a_users_order_is_kept(replica: Replica, replica_server: HttpServer, add: Add) -> None:
    """Commands of one user reach the replica in the order in which they were submitted, over all batches."""
    numbers: dict[str, list[int]] = {}

    def answer(request: Request) -> Reply:
        assert request.command is not None
        numbers.setdefault(request.command.user, []).append(request.first_sent)
        return accept(request)

    replica.answer = answer
    async with routing(replica_server.url, limits=msgspec.structs.replace(QUICK, batch=7)) as router:
        requests = [msgspec.structs.replace(add(f"user{number % 5}"), first_sent=number) for number in range(200)]
        await _all(router, requests)
    assert all(order == sorted(order) for order in numbers.values())
    assert sum(map(len, numbers.values())) == 200
