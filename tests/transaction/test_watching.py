"""What web replicas are told of watched accounts, in simulated time: nothing that is durable is missing."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from daytrader.domain.account import Account
from daytrader.domain.evolve import replay
from daytrader.domain.quote import Quote
from daytrader.journal.entry import partition_of
from daytrader.journal.port import Position
from daytrader.transaction.feed import Beat, Changes, Happened, Hello, Message, NewQuotes, State, Update, Watch
from daytrader.transaction.follower import MOST_HAPPENED
from daytrader.transaction.settling import MOST_ENTRIES
from daytrader.transaction.watching import Watching
from tests.transaction.stage import PARTITIONS, Actor, Stage, until

ALICE_PARTITION = partition_of("alice", PARTITIONS)


class Told:
    """What one watcher was told."""

    def __init__(self, watching: Watching) -> None:
        self.watching = watching
        self.messages: list[tuple[float, Message]] = []
        self.over = False

    def watch(self, sub: int, user: str, after: int | None = None, reached: int = 0) -> None:
        self.watching.change(Changes([Watch(sub, user, partition_of(user, PARTITIONS), after, reached)]))

    def of(self, sub: int) -> list[State | Update]:
        """The answers to one watch."""
        return [one for _, one in self.messages if isinstance(one, State | Update) and one.sub == sub]

    def happened(self, sub: int) -> list[Happened]:
        """All that happened by one watch."""
        return [one for message in self.of(sub) for one in message.happened]

    def cents(self, sub: int) -> list[int]:
        """The amounts of the commands that happened."""
        return [one.record.command.cents for one in self.happened(sub) if one.record.command is not None]

    def account(self, sub: int) -> Account | None:
        """The account as a reader of all messages has it."""
        account: Account | None = None
        for message in self.of(sub):
            if isinstance(message, State):
                account = message.account
            else:
                for one in message.happened:
                    account = replay(account, one.record) if one.record.account else account
        return account

    async def until_cents(self, sub: int, cents: int) -> None:
        """Wait until the account is known to have so much."""
        await until(lambda: getattr(self.account(sub), "cents", None) == cents)


@asynccontextmanager
async def told_by(actor: Actor) -> AsyncIterator[Told]:
    """Give what a watcher of this host is told."""
    told = Told(actor.host.watchings.new())

    async def listen() -> None:
        async for messages in told.watching.messages():
            told.messages += [(asyncio.get_running_loop().time(), one) for one in messages]
        told.over = True

    task = asyncio.create_task(listen())
    try:
        yield told
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_first_the_account_then_what_happens(stage: Stage) -> None:
    """A watch is answered by the account as it is, and then by each record, once."""
    actor = await stage.started()
    await stage.accepted(actor, "ADD,1.00")
    async with told_by(actor) as told:
        told.watch(1, "alice")
        await until(lambda: bool(told.of(1)))
        first = told.of(1)[0]
        assert isinstance(first, State)
        assert (first.account.cents if first.account else 0, first.after, first.happened) == (100, None, [])
        await stage.accepted(actor, "ADD,2.00 ADD,3.00")
        await stage.accepted(actor, "ADD,9.00", "bob")
        await told.until_cents(1, 600)
    assert told.cents(1) == [200, 300]
    assert isinstance(told.messages[0][1], Hello)


async def test_nobody_is_told_more_than_twice_a_second(stage: Stage) -> None:
    """What happens within half a second comes in one message; after a pause, more is waited for a quarter of one."""
    actor = await stage.started()
    await stage.accepted(actor, "ADD,1.00")
    async with told_by(actor) as told:
        told.watch(1, "alice")
        await until(lambda: bool(told.of(1)))
        await asyncio.sleep(1)
        began = stage.loop.time()
        for cents in range(100, 160):
            await stage.accepted(actor, f"ADD,1.{cents - 100:02}")
            await asyncio.sleep(0.05)
        await until(lambda: len(told.happened(1)) == 60)
        times = [at for at, one in told.messages if isinstance(one, Update)]
    assert 0.25 <= times[0] - began <= 0.4
    assert all(later - earlier >= 0.5 for earlier, later in itertools.pairwise(times))
    assert told.cents(1) == list(range(100, 160))


async def test_an_effect_is_told_within_a_second(stage: Stage) -> None:
    """However often something happens, from its answer on it takes less than a second until it is told."""
    actor = await stage.started()
    async with told_by(actor) as told:
        told.watch(1, "alice")
        answered: list[float] = []
        for _ in range(40):
            await stage.accepted(actor, "ADD,1.00")
            answered.append(stage.loop.time())
            await asyncio.sleep(0.07)
        await until(lambda: len(told.happened(1)) + 100 * len(told.of(1)) >= 100 and told.account(1) is not None)
        await told.until_cents(1, 4_000)
        told_at = [at for at, one in told.messages if isinstance(one, Update) for _ in one.happened]
    late = [told - done for done, told in zip(answered[-len(told_at) :], told_at, strict=True)]
    assert max(late) < 0.9


async def test_a_user_that_comes_to_be(stage: Stage) -> None:
    """A user that does not exist is told as none, then what it is refused, then the account that a deposit makes."""
    actor = await stage.started()
    async with told_by(actor) as told:
        told.watch(1, "nobody")
        await until(lambda: bool(told.of(1)))
        first = told.of(1)[0]
        assert isinstance(first, State)
        assert first.account is None
        assert (await stage.run(actor, "BUY,A,5.00", "nobody"))[0].status == 400
        await stage.accepted(actor, "ADD,7.00", "nobody")
        await told.until_cents(1, 700)
    assert [one.record.refusal for one in told.happened(1)] == ["User does not exist", ""]


async def test_what_happened_since_is_told(stage: Stage) -> None:
    """A watch that goes on after an entry is told everything since, by the replica itself and by one that is new."""
    actor = await stage.started(checkpoint=3)
    await stage.accepted(actor, "ADD,1.00 ADD,2.00 ADD,3.00 ADD,4.00")
    other = await stage.started("two")
    for one in (actor, other):
        async with told_by(one) as told:
            told.watch(1, "alice", after=2)
            await told.until_cents(1, 1_000)
        assert told.cents(1) == [300, 400]


async def test_a_watch_does_not_go_back(stage: Stage) -> None:
    """A replica that has not followed another's entries yet does so before it answers one who knows of them."""
    behind = await stage.started("behind")
    await stage.accepted(behind, "ADD,1.00")
    ahead = await stage.started("ahead")
    await stage.accepted(ahead, "ADD,2.00 ADD,3.00")
    async with told_by(behind) as told:
        told.watch(1, "alice", after=2, reached=2)
        await until(lambda: bool(told.of(1)))
        first = told.of(1)[0]
        assert first.n >= 2
        await told.until_cents(1, 600)
    assert told.cents(1)[-1] == 300


async def test_an_entry_that_never_was_gives_a_snapshot(stage: Stage) -> None:
    """Whoever claims to know more than there is gets the account as it is."""
    actor = await stage.started()
    await stage.accepted(actor, "ADD,1.00")
    async with told_by(actor) as told:
        told.watch(1, "alice", after=4_711, reached=4_711)
        await until(lambda: bool(told.of(1)))
        first = told.of(1)[0]
    assert isinstance(first, State)
    assert (first.after, first.account.cents if first.account else 0) == (None, 100)


async def test_what_another_replica_appends_is_told_within_a_second(stage: Stage) -> None:
    """A replica that is watched and gets no commands follows what others decide."""
    watched = await stage.started("watched")
    other = await stage.started("other", owned=lambda: ())
    async with told_by(watched) as told:
        told.watch(1, "alice")
        await until(lambda: bool(told.of(1)))
        await asyncio.sleep(3)
        for cents in range(1, 6):
            await stage.accepted(other, f"ADD,0.0{cents}")
            answered = stage.loop.time()
            await until(lambda expected=cents: told.cents(1)[-1:] == [expected])  # type: ignore[misc]
            assert stage.loop.time() - answered < 1.3
            await asyncio.sleep(0.4)
    assert told.cents(1) == [1, 2, 3, 4, 5]


async def test_a_partition_that_is_not_its_own_is_opened(stage: Stage) -> None:
    """A replica that owns nothing answers a watch all the same: the asker may know of another membership."""
    owner = await stage.started("owner")
    await stage.accepted(owner, "ADD,1.00")
    other = await stage.started("other", owned=lambda: ())
    async with told_by(other) as told:
        told.watch(1, "alice")
        await told.until_cents(1, 100)


async def test_a_stored_account_that_is_ahead_of_the_partition_is_waited_for(stage: Stage) -> None:
    """An account that another replica has stored since is not told as of an entry before, which would tell it twice."""
    neighbour = next(
        name for name in (f"user{n}" for n in itertools.count()) if partition_of(name, PARTITIONS) == ALICE_PARTITION
    )
    behind = await stage.started("behind", owned=lambda: ())
    ahead = await stage.started("ahead", owned=lambda: (), checkpoint=1)
    async with told_by(behind) as told:
        told.watch(1, neighbour)
        await until(lambda: bool(told.of(1)))
        await stage.accepted(ahead, "ADD,1.00 ADD,2.00")
        await until(lambda: (ALICE_PARTITION, "alice") in stage.data.accounts)
        assert behind.host._partitions[ALICE_PARTITION].head.n < stage.data.accounts[ALICE_PARTITION, "alice"].place
        told.watch(2, "alice")
        await told.until_cents(2, 300)
        await stage.accepted(ahead, "ADD,4.00")
        await told.until_cents(2, 700)
    assert told.cents(2) == [400]


async def test_trimmed_entries_give_a_snapshot(stage: Stage) -> None:
    """Where the journal does not reach back, the account is told, and from then on what happens."""
    actor = await stage.started()
    await stage.accepted(actor, "ADD,1.00 ADD,2.00 ADD,3.00")
    partition = partition_of("alice", PARTITIONS)
    await actor.journal.set_audited({partition: 3})
    await actor.accounts.set_checkpoint(partition, Position(3, 4, stage.clock()))
    assert await actor.journal.trim(partition, 2)
    async with told_by(actor) as told:
        told.watch(1, "alice", after=1)
        told.watch(2, "alice", after=2)
        await told.until_cents(1, 600)
        await told.until_cents(2, 600)
        first = told.of(1)[0]
        assert isinstance(first, State)
        assert first.after is None
        await stage.accepted(actor, "ADD,4.00")
        await told.until_cents(1, 1_000)
    assert told.cents(1) == [400]
    assert told.cents(2) == [300, 400]


async def test_too_long_ago_gives_a_snapshot(stage: Stage) -> None:
    """More than so many entries are not looked through for somebody who comes back."""
    actor = await stage.started()
    for _ in range(MOST_ENTRIES + 2):
        await stage.accepted(actor, "ADD,1.00")
    async with told_by(actor) as told:
        told.watch(1, "alice", after=1)
        told.watch(2, "alice", after=2)
        await until(lambda: bool(told.of(1) and told.of(2)))
        first, second = told.of(1)[0], told.of(2)[0]
    assert isinstance(first, State)
    assert isinstance(second, State)
    assert (first.after, first.happened) == (None, [])
    assert (second.after, len(second.happened)) == (2, MOST_ENTRIES)


async def test_more_than_can_be_told_one_by_one(stage: Stage) -> None:
    """Of a user to whom too much happens at once the account is told, and nothing of it is held in memory."""
    actor = await stage.started()
    await stage.accepted(actor, "ADD,1.00")
    async with told_by(actor) as told:
        told.watch(1, "alice")
        await until(lambda: bool(told.of(1)))
        for start in range(0, 1_200, 100):
            await actor.batch([stage.request("ADD,0.01") for _ in range(100)])
            assert start >= 0
        await told.until_cents(1, 100 + 1_200)
    states = [one for one in told.of(1) if isinstance(one, State)]
    assert all(len(one.happened) <= MOST_HAPPENED for one in told.of(1))
    assert len(states) >= 1


async def test_a_conflict_loses_nothing(stage: Stage) -> None:
    """Two replicas that decide for one user at the same time: whoever watches either is told all of it, in order."""
    one, two = await stage.started("one"), await stage.started("two")
    async with told_by(one) as first, told_by(two) as second:
        first.watch(1, "alice")
        second.watch(1, "alice")
        await until(lambda: bool(first.of(1) and second.of(1)))
        for _ in range(20):
            replies = await asyncio.gather(
                one.host.submit(stage.request("ADD,0.01")), two.host.submit(stage.request("ADD,0.02"))
            )
            assert [reply.status for reply in replies] == [200, 200]
        await first.until_cents(1, 60)
        await second.until_cents(1, 60)
        numbers = [happened.number for happened in first.happened(1)]
    assert sorted(first.cents(1)) == [1] * 20 + [2] * 20
    assert first.happened(1) == second.happened(1)
    assert numbers == sorted(set(numbers))


async def test_an_append_whose_answer_was_lost_is_told_once(stage: Stage) -> None:
    """A record that turns out to be durable at the second look is told like any other."""
    actor = await stage.started()
    await stage.accepted(actor, "ADD,1.00")
    async with told_by(actor) as told:
        told.watch(1, "alice")
        await until(lambda: bool(told.of(1)))
        actor.journal.answers = ["answer lost", "lost"]
        await stage.accepted(actor, "ADD,2.00 ADD,3.00")
        await told.until_cents(1, 600)
    assert told.cents(1) == [200, 300]


async def test_a_beat_tells_how_far_all_is_told(stage: Stage) -> None:
    """Every second: the entries up to which everything is told, but of those who are behind."""
    actor = await stage.started()
    await stage.accepted(actor, "ADD,1.00")
    number = partition_of("alice", PARTITIONS)
    async with told_by(actor) as told:
        told.watch(1, "alice")
        await asyncio.sleep(3)
        beats = [(at, one) for at, one in told.messages if isinstance(one, Beat)]
        assert len(beats) == 3
        assert beats[-1][1] == Beat({number: 1}, [])
        told.watching.change(Changes(unwatch=[1]))
        await stage.accepted(actor, "ADD,2.00")
        await asyncio.sleep(1.2)
        assert told.messages[-1][1] == Beat({}, [])
    assert told.cents(1) == []


async def test_quotes_are_told_and_never_bought_for_it(stage: Stage) -> None:
    """Whoever watches symbols is told the newest that is known, and each newer one that a command brings."""
    actor = await stage.started()
    await stage.accepted(actor, "ADD,100.00 QUOTE,A")
    async with told_by(actor) as told:
        told.watching.change(Changes(symbols=["A", "B"]))
        await asyncio.sleep(1)
        quotes = [one for _, message in told.messages if isinstance(message, NewQuotes) for one in message.quotes]
        assert [one.symbol for one in quotes] == ["A"]
        await stage.accepted(actor, "QUOTE,B QUOTE,C")
        await asyncio.sleep(1)
        quotes = [one for _, message in told.messages if isinstance(message, NewQuotes) for one in message.quotes]
        assert [one.symbol for one in quotes] == ["A", "B"]
        assert isinstance(quotes[0], Quote)
    assert stage.quotes.asked == ["A", "B", "C"]


async def test_a_drained_replica_ends_what_it_tells(stage: Stage) -> None:
    """At its end a replica tells what is left and says nothing more; whoever comes then is sent away at once."""
    actor = await stage.started()
    async with told_by(actor) as told:
        told.watch(1, "alice")
        await until(lambda: bool(told.of(1)))
        await actor.host.drain(1)
        await until(lambda: told.over)
    async with told_by(actor) as late:
        await until(lambda: late.over)


@pytest.mark.parametrize("watch", [Watch(1, "", 0), Watch(1, "alice", PARTITIONS), Watch(1, "alice", -1)])
async def test_what_cannot_be_watched_is_left_out(stage: Stage, watch: Watch) -> None:
    """A watch of nobody, or in a partition that there is not, does no harm."""
    actor = await stage.started()
    async with told_by(actor) as told:
        told.watching.change(Changes([watch], [77]))
        await asyncio.sleep(2)
        assert told.of(1) == []
