"""One partition: decisions on speculated state, entries, and what becomes of both."""

import asyncio

import pytest

from daytrader.domain.account import STRANGERS
from daytrader.domain.event import Added
from daytrader.domain.quote import Quote
from daytrader.journal.entry import Entry, decode_records
from daytrader.journal.port import Position
from daytrader.transaction.accounts import Accounts
from daytrader.transaction.message import Reply, Request
from daytrader.transaction.partition import Need, Partition
from daytrader.transaction.waiting import Batch, Waiting
from tests.transaction.stage import EPOCH_MS, Stage


class Bench:
    """A partition, with a clock and quotes of its own."""

    def __init__(self, stage: Stage, memory: int = 10**9, journal_format: int = 1) -> None:
        self.stage = stage
        self.now = EPOCH_MS
        self.quotes: dict[str, Quote] = {}
        self.partition = Partition(
            0, "one", lambda: self.now, self.quotes.get, Accounts(memory), journal_format=journal_format
        )
        self.partition.is_open = True

    def know(self, *users: str) -> None:
        """Take users for loaded, and not there."""
        for user in (*users, STRANGERS):
            self.partition.accounts.loaded(user, None)

    def waiting(self, line: str, user: str = "alice") -> Waiting:
        """A command that waits."""
        loop = asyncio.get_running_loop()
        request = self.stage.request(line, user)
        request = Request(request.id, 0, request.command, self.now)
        return Waiting(request, user, (user, request.id), Batch(1, loop), 0, loop.time())

    def attempt(self, line: str, user: str = "alice") -> Waiting:
        """Decide a command."""
        waiting = self.waiting(line, user)
        assert self.partition.attempt(waiting, fresh_orders=False) is None
        return waiting

    def take_off(self, limit: int = 1_000) -> Entry:
        """Send what is pending."""
        entry = self.partition.take_off(limit)
        assert entry is not None
        return entry


@pytest.fixture
def bench(stage: Stage) -> Bench:
    """A partition that knows alice and bob not to exist."""
    bench = Bench(stage)
    bench.know("alice", "bob")
    return bench


async def test_it_says_what_is_missing(stage: Stage) -> None:
    """The partition, the account, the strangers' account, the quote."""
    bench = Bench(stage)
    bench.partition.is_open = False
    assert bench.partition.attempt(bench.waiting("ADD,1.00"), fresh_orders=False) is Need.PARTITION
    bench.partition.is_open = True
    assert bench.partition.attempt(bench.waiting("ADD,1.00"), fresh_orders=False) is Need.ACCOUNT
    bench.partition.accounts.loaded("alice", None)
    assert bench.partition.attempt(bench.waiting("ADD,1.00"), fresh_orders=False) is Need.ACCOUNT
    bench.know()
    bench.attempt("ADD,100.00")
    assert bench.partition.attempt(bench.waiting("BUY,A,5.00"), fresh_orders=False) is Need.QUOTE


async def test_decisions_build_on_what_is_not_durable_yet(bench: Bench) -> None:
    """A command sees what the ones before it did; what is durable does not until it landed."""
    bench.quotes["A"] = Quote("A", 500, bench.now, bench.now)
    for line in ("ADD,100.00", "BUY,A,50.00", "COMMIT_BUY"):
        bench.attempt(line)
    account = bench.partition.account("alice")
    assert account is not None
    assert (account.cents, account.holdings) == (5_000, {"A": 10})
    assert bench.partition.accounts.get("alice") is None
    bench.take_off()
    bench.partition.landed()
    assert bench.partition.accounts.get("alice") == account


async def test_entries_are_dense_and_their_records_numbered(bench: Bench) -> None:
    """An entry follows the head; while it is under way it is the same one, whatever else is decided."""
    for line in ("ADD,1.00", "ADD,2.00", "ADD,4.00"):
        bench.attempt(line)
    first = bench.take_off(2)
    bench.attempt("ADD,8.00")
    assert bench.take_off(2) is first
    assert (first.n, first.first, first.count, first.server) == (1, 1, 2, "one")
    assert [one.record.event for one in bench.partition.landed()] == [Added(100), Added(200)]
    second = bench.take_off()
    assert (second.n, second.first, second.count) == (2, 3, 2)
    assert second.batch != first.batch
    assert [record.event for record in decode_records(second)] == [Added(400), Added(800)]
    bench.partition.landed()
    assert bench.partition.take_off(1) is None
    assert bench.partition.head == Position(2, 5, second.time)


async def test_time_never_goes_back(bench: Bench) -> None:
    """Whatever the clock does, a record is not older than the one before, nor than the last entry."""
    bench.attempt("ADD,1.00")
    bench.now -= 5_000
    bench.attempt("ADD,1.00")
    entry = bench.take_off()
    assert [record.time for record in decode_records(entry)] == [EPOCH_MS, EPOCH_MS]
    bench.partition.landed()
    bench.partition.throw_away()
    bench.attempt("ADD,1.00")
    assert bench.take_off().time == EPOCH_MS


async def test_what_was_speculated_can_be_thrown_away(bench: Bench) -> None:
    """Flight and pending come back in the order of their decision, and no account has changed."""
    waiting = [bench.attempt(f"ADD,{number}.00") for number in range(1, 4)]
    bench.take_off(1)
    assert [one.waiting for one in bench.partition.throw_away()] == waiting
    assert bench.partition.account("alice") is None
    assert bench.partition.take_off(1) is None


async def test_a_quote_must_be_valid_when_the_command_is_decided(bench: Bench) -> None:
    """59,999 ms after it was asked for, not 60,000; the quote that was fetched for the command counts as any other."""
    bench.attempt("ADD,100.00")
    bench.quotes["A"] = Quote("A", 500, bench.now, bench.now)
    bench.now += 59_999
    assert bench.attempt("BUY,A,5.00").reply.status == 200
    bench.now += 1
    late = bench.waiting("BUY,A,5.00")
    late.quote = bench.quotes["A"]
    assert bench.partition.attempt(late, fresh_orders=False) is Need.QUOTE
    late.no_quote = True
    assert bench.partition.attempt(late, fresh_orders=False) is None
    assert late.reply == Reply(503, b"Quote unavailable")


async def test_following_is_as_having_decided(bench: Bench, stage: Stage) -> None:
    """A follower that applies the entries has the same accounts, time and triggers, packed or not."""
    for number in range(30):
        bench.attempt(f"ADD,{100 + number}.00")
        bench.attempt("SET_BUY_AMOUNT,A,50.00")
        bench.attempt("SET_BUY_TRIGGER,A,5.00")
        bench.attempt("BUY,A,1.00", "bob")
        bench.now += 7
    entries = []
    while (entry := bench.partition.take_off(7)) is not None:
        entries.append(entry)
        bench.partition.landed()
    for memory in (0, 10**9):
        follower = Bench(stage, memory)
        follower.know("alice", "bob")
        follower.partition.follow([(entry, decode_records(entry)) for entry in entries])
        for user in ("alice", "bob", STRANGERS):
            assert follower.partition.account(user) == bench.partition.account(user)
        assert follower.partition.head == bench.partition.head
        assert follower.partition.armed.symbols() == [("A", "alice")]


async def test_what_an_account_includes_does_not_happen_again(bench: Bench, stage: Stage) -> None:
    """An account that was stored after the checkpoint skips the entries up to its place, but its triggers are noted."""
    for line in ("ADD,100.00", "SET_BUY_AMOUNT,A,50.00", "SET_BUY_TRIGGER,A,5.00"):
        bench.attempt(line)
    entries = [bench.take_off()]
    bench.partition.landed()
    stored = bench.partition.accounts.to_store(["alice"])
    bench.attempt("ADD,1.00")
    entries.append(bench.take_off())
    bench.partition.landed()
    follower = Bench(stage)
    follower.partition.accounts.loaded("alice", stored[0])
    follower.partition.follow([(entry, decode_records(entry)) for entry in entries])
    assert follower.partition.account("alice") == bench.partition.account("alice")
    assert follower.partition.armed.symbols() == [("A", "alice")]


async def test_accounts_that_are_built_on_stay_in_memory(stage: Stage) -> None:
    """What is speculated on top of an account keeps it from being evicted."""
    bench = Bench(stage, memory=0)
    bench.know("alice", "bob", "carol")
    for user in ("alice", "bob"):
        bench.attempt("ADD,1.00", user)
    bench.take_off()
    bench.partition.landed()
    accounts = bench.partition.accounts
    accounts.stored(accounts.to_store(accounts.changed()))
    bench.attempt("ADD,1.00", "alice")
    accounts.get("carol")
    bench.partition.evict(["alice", "bob"])
    assert "alice" in accounts
    assert "bob" not in accounts


async def test_entries_are_written_in_the_format_of_the_settings(stage: Stage) -> None:
    """A build that knows a newer format goes on writing the older one, which others still read, until it is told."""
    bench = Bench(stage, journal_format=7)
    bench.know("alice")
    bench.attempt("ADD,1.00")
    assert bench.take_off().format == 7
