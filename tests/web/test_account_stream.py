"""How often a stream tells what becomes known."""

import asyncio

from daytrader.domain.command import parse
from daytrader.domain.record import Record
from daytrader.transaction.feed import Happened
from daytrader.web.account_stream import AccountStream, AccountUpdate
from daytrader.web.watched_user import WatchedUser

REFUSED = Record(1, "", "w:1", parse("QUOTE", "alice", "A"), "User does not exist")


def new_stream() -> AccountStream:
    """A stream of alice, who has never done anything."""
    return AccountStream(WatchedUser("alice", 0, lambda: 1, lambda _: None), None)


async def test_updates_keep_their_distance() -> None:
    """However often something becomes known, a stream's updates come twice a second, none lost, the first at once."""
    stream, loop, told = new_stream(), asyncio.get_running_loop(), dict[float, AccountUpdate]()
    began = loop.time()

    async def read() -> None:
        async for update in stream:
            told[round(loop.time() - began, 3)] = update

    reading = asyncio.create_task(read())
    for n in range(30):
        stream.tell([Happened(n, n, REFUSED)])
        await asyncio.sleep(0.1)
    await asyncio.sleep(1)
    stream.end()
    await reading
    assert list(told) == [0, 0.5, 1, 1.5, 2, 2.5, 3]
    assert [one.n for update in told.values() for one in update.happened] == list(range(30))


async def test_what_comes_seldom_comes_at_once() -> None:
    """An update that keeps its distance by itself is not held up."""
    stream, loop = new_stream(), asyncio.get_running_loop()
    for n in range(3):
        stream.tell([Happened(n, n, REFUSED)])
        told_at = loop.time()
        await anext(stream)
        assert loop.time() == told_at
        await asyncio.sleep(0.6)
