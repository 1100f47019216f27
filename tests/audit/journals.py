"""Records and entries to be followed, and a journal that can be away."""

from collections.abc import Mapping, Sequence

from daytrader.domain import event as ev
from daytrader.domain.command import CommandName, parse
from daytrader.domain.quote import Hit, Quote
from daytrader.domain.record import Record
from daytrader.journal.entry import Entry, encode_records, partition_of
from daytrader.journal.port import Fate, Journal, JournalUnavailableError

PARTITIONS = 4
START = 1_700_000_000_000


def command(name: CommandName, user: str, symbol: str = "", amount: str = "", *, time: int = START) -> Record:
    """A command of an existing user that was accepted and changed nothing."""
    return Record(time, user, "w:1", parse(name, user, symbol, amount))


def added(user: str, cents: int, *, time: int = START) -> Record:
    """An ADD."""
    return Record(time, user, "w:1", parse("ADD", user, "", f"{cents // 100}.{cents % 100:02d}"), "", ev.Added(cents))


def stray(user: str, *, time: int = START) -> Record:
    """A hit that no command waited for."""
    return Record(time, "", hit=Hit("DOG", user, 500, time - 5, "key"))


def fired(user: str, *, time: int = START) -> Record:
    """A buy trigger of 7.00 that bought for 5.00."""
    event = ev.BuyTriggerFired("DOG", 500, 1, 500, 200)
    return Record(time, user, event=event, quote=Quote("DOG", 500, time - 9, time - 7))


def dumplog(user: str = "", *, time: int = START) -> Record:
    """A DUMPLOG: of one user's log, or of the whole one."""
    return Record(time, user, "w:1", parse("DUMPLOG", user, filename="./log"))


def barrier(*, time: int = START) -> Record:
    """A bare barrier."""
    return Record(time, "")


def entry_of(
    partition: int, n: int, first: int, records: Sequence[Record], *, batch: str = "ours", format_number: int = 1
) -> Entry:
    """Entry `n` of a partition, with `records` from number `first` on."""
    packed = encode_records(records)
    time = records[-1].time if records else START
    return Entry(partition, n, batch, first, len(records), time, "transaction-1", packed, format_number)


class Writer:
    """Appends records to the partitions of a journal, as a transaction replica does."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._next_record = dict.fromkeys(range(PARTITIONS), 1)
        self.heads: dict[int, int] = {}
        """The last entry of each partition that has any."""
        self.entries: list[Entry] = []

    async def put(self, *records: Record) -> None:
        """Append each record to its user's partition, all in one go."""
        by_partition: dict[int, list[Record]] = {}
        for record in records:
            user = record.account or (record.command and record.command.user) or (record.hit and record.hit.user) or ""
            by_partition.setdefault(partition_of(user, PARTITIONS), []).append(record)
        await self.append(by_partition)

    async def append(self, by_partition: Mapping[int, Sequence[Record]]) -> None:
        """Append one entry to each partition."""
        entries = []
        for partition, records in by_partition.items():
            n = self.heads.get(partition, 0) + 1
            entries.append(entry_of(partition, n, self._next_record[partition], records))
            self.heads[partition] = n
            self._next_record[partition] += len(records)
        assert set(await self._journal.append(entries)) == {Fate.DURABLE}
        self.entries += entries

    async def append_packed(self, entry: Entry) -> None:
        """Append an entry that is made already."""
        assert await self._journal.append([entry]) == [Fate.DURABLE]
        self.heads[entry.partition] = entry.n
        self._next_record[entry.partition] = entry.first + entry.count


class Interrupted:
    """A journal whose answers to a follower can be stopped."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.away = False

    def __getattr__(self, name: str) -> object:
        if self.away and name in {"open", "read", "read_all", "outdated", "mark", "set_audited"}:
            raise JournalUnavailableError("the data set was switched off by the test")
        return getattr(self._journal, name)
