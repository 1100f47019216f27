"""The log that a dump gives: what stands in it, in which order, up to where, and what it costs others."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from prometheus_client import REGISTRY

from daytrader.audit import follower as following
from daytrader.audit import index as indexing
from daytrader.audit import service as serving
from daytrader.audit.events import CLOSING, OPENING, events
from daytrader.audit.follower import AuditBehindError
from daytrader.audit.index import user_of
from daytrader.audit.port import AuditStore
from daytrader.audit.service import AuditService, TooManyDumpsError
from daytrader.audit.sqlite import SqliteAuditStore
from daytrader.audit.stream import LogIncompleteError
from daytrader.clock import TurnedClock
from daytrader.domain import refusal
from daytrader.domain.command import parse
from daytrader.domain.record import Record
from daytrader.journal.entry import decode_records, partition_of, transaction_number
from daytrader.journal.place import place_of
from daytrader.journal.port import Journal
from daytrader.journal.sqlite import SqliteJournal
from daytrader.settings import Settings
from tests.audit import strategies
from tests.audit.journals import PARTITIONS, START, Writer, added, barrier, dumplog, entry_of, fired, stray
from tests.audit.waits import until

SETTINGS = Settings(partitions=PARTITIONS)


@pytest.fixture
async def service(journal: Journal, any_store: AuditStore) -> AsyncIterator[AuditService]:
    """A running service over a store of either adapter."""
    service = AuditService(SETTINGS, journal, any_store)
    service.start()
    yield service
    await service.close()


@pytest.fixture
async def local(journal: Journal, tmp_path: Path) -> AsyncIterator[AuditService]:
    """A running service over a SQLite store."""
    service = AuditService(SETTINGS, journal, SqliteAuditStore(tmp_path / "local.sqlite"))
    service.start()
    yield service
    await service.close()


async def log(service: AuditService, user: str | None, places: Mapping[int, int]) -> bytes:
    """The whole dump."""
    return b"".join([chunk async for chunk in service.dump(user, places)])


async def numbers(service: AuditService, user: str | None, places: Mapping[int, int]) -> list[int]:
    """The numbers in the dump, in order, each once for all events of its record."""
    found = [int(each.text or "") for each in etree.fromstring(await log(service, user, places)).iter("transactionNum")]
    return [number for number, before in zip(found, [None, *found], strict=False) if number != before]


def count(kind: str, end: str) -> float:
    """How many dumps of this kind have ended so."""
    return REGISTRY.get_sample_value("daytrader_audit_dumps_total", {"kind": kind, "end": end}) or 0.0


class TestWholeLog:
    async def test_partitions_are_merged_by_time(self, service: AuditService, writer: Writer) -> None:
        """Events come by time, then by partition, then by number."""
        await writer.append({0: [added("a", 1, time=10), added("a", 1, time=40)], 1: [added("b", 1, time=20)]})
        await writer.append({1: [added("b", 1, time=30), added("b", 1, time=40)], 3: [added("c", 1, time=40)]})
        await writer.append({0: [added("a", 1, time=40)]})
        order = [(0, 1), (1, 1), (1, 2), (0, 2), (0, 3), (1, 3), (3, 1)]
        expected = [transaction_number(partition, running, PARTITIONS) for partition, running in order]
        assert await numbers(service, None, writer.heads) == expected

    async def test_log_ends_with_the_barriers(self, service: AuditService, writer: Writer) -> None:
        """What stands behind the barriers is not in the log; the DUMPLOG's own userCommand is."""
        await writer.append({0: [added("a", 1)], 1: [added("b", 1)]})
        await writer.append({0: [dumplog()], **{partition: [barrier()] for partition in (1, 2, 3)}})
        places = dict(writer.heads)
        await writer.append({0: [added("a", 2)], 2: [added("c", 2)]})
        found = etree.fromstring(await log(service, None, places))
        assert [each.findtext("command") for each in found.iter("userCommand")] == ["ADD", "DUMPLOG", "ADD"]

    async def test_empty_log_is_a_log(self, service: AuditService, schema: etree.XMLSchema) -> None:
        """Where nothing happened yet the log is empty, and valid."""
        schema.assertValid(etree.fromstring(await log(service, None, dict.fromkeys(range(PARTITIONS), 0))))

    async def test_log_comes_in_chunks(self, local: AuditService, writer: Writer) -> None:
        """A long log comes in many chunks of about 64 KiB, also where one entry alone is longer."""
        for _ in range(3):
            await writer.append({0: [added("ann", n + 1) for n in range(1_000)], 1: [added("bob", 1)]})
        sizes = [len(chunk) async for chunk in local.dump(None, writer.heads)]
        assert len(sizes) > 10
        assert max(sizes) < 70_000


class TestDraining:
    async def test_a_service_that_drains_is_not_ready_and_still_answers(
        self, local: AuditService, writer: Writer
    ) -> None:
        """Others are asked from now on; what is asked all the same is answered."""
        await writer.append({0: [added("a", 1)]})
        await until(lambda: not local.waits_for())
        local.refuse()
        assert local.waits_for() == "it is draining: logs are to be asked for elsewhere"
        assert len(await numbers(local, None, writer.heads)) == 1


class TestUsersLog:
    async def test_everything_of_the_user_and_nothing_else(self, service: AuditService, writer: Writer) -> None:
        """Commands, also those refused while the user did not exist, fired triggers, and hits in the user's name."""
        ghost = Record(START, "", "w:1", parse("BUY", "ann", "DOG", "1.00"), refusal.NO_USER)
        await writer.put(ghost)
        await writer.put(added("ann", 5), added("bob", 5), added("annabel", 5))
        await writer.put(fired("ann"), stray("bob"))
        await writer.put(stray("ann"))
        await writer.put(dumplog("ann"))
        partition = partition_of("ann", PARTITIONS)
        places = {partition: writer.heads[partition]}
        await writer.put(added("ann", 7))
        found = etree.fromstring(await log(service, "ann", places))
        assert {each.text for each in found.iter("username")} == {"ann"}
        assert [each.tag for each in found] == [
            *("userCommand", "errorEvent", "userCommand", "accountTransaction"),
            *("systemEvent", "debugEvent", "accountTransaction", "quoteServer", "userCommand"),
        ]

    async def test_unknown_user_has_an_empty_log(self, service: AuditService, writer: Writer) -> None:
        """A user of whom nothing is known has a log without events."""
        await writer.append({0: [added("ann", 1)]})
        assert await log(service, "nobody", {0: 1}) == (OPENING + CLOSING).encode()

    async def test_places_are_found_in_stored_pages_and_in_memory(
        self, service: AuditService, writer: Writer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A user's log is whole however much of the index is stored, and however often the service starts again."""
        monkeypatch.setattr(indexing, "RECORDS_A_PAGE", 7)
        for n in range(60):
            await writer.append({2: [added("ann" if n % 3 else "bob", n + 1), added("cat", 1)]})
        of_bob = [transaction_number(2, 2 * n + 1, PARTITIONS) for n in range(0, 60, 3)]
        assert await numbers(service, "bob", writer.heads) == of_bob
        assert await numbers(service, "bob", {2: 31}) == of_bob[:11]

    async def test_users_log_reads_only_what_it_needs(
        self, local: AuditService, writer: Writer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Entries without the user are not read."""
        for n in range(200):
            await writer.append({1: [added("ann" if n % 50 == 7 else "bob", 1)]})
        await numbers(local, "cat", writer.heads)
        read: list[int] = []
        read_at = SqliteAuditStore.read_at

        async def noted(store: SqliteAuditStore, partition: int, places: Sequence[int]) -> object:
            read.extend(places)
            return await read_at(store, partition, places)

        monkeypatch.setattr(SqliteAuditStore, "read_at", noted)
        assert len(await numbers(local, "ann", writer.heads)) == 4
        assert read == [8, 58, 108, 158]


class TestAnyLog:
    @settings(max_examples=50, deadline=None)
    @given(st.lists(strategies.records, max_size=30), st.integers(1, 5), st.sampled_from([3, 16_384]))
    def test_any_records_give_valid_logs(
        self,
        tmp_path_factory: pytest.TempPathFactory,
        schema: etree.XMLSchema,
        records: list[Record],
        at_once: int,
        records_a_page: int,
    ) -> None:
        """Any records give a log that is valid and in order; a user's log is the whole one without the others."""
        records.sort(key=lambda record: record.time)

        async def look() -> None:
            directory = tmp_path_factory.mktemp("any")
            journal = SqliteJournal(directory / "journal.sqlite")
            await journal.open(PARTITIONS)
            writer = Writer(journal)
            for start in range(0, len(records), at_once):
                await writer.put(*records[start : start + at_once])
            service = AuditService(SETTINGS, journal, SqliteAuditStore(directory / "audit.sqlite"))
            service.start()
            try:
                await self._look(service, writer, schema)
            finally:
                await service.close()
                await journal.close()

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(indexing, "RECORDS_A_PAGE", records_a_page)
            asyncio.run(look())

    async def _look(self, service: AuditService, writer: Writer, schema: etree.XMLSchema) -> None:
        ordered = sorted(
            (record.time, entry.partition, running, user_of(record), record)
            for entry in writer.entries
            for running, record in enumerate(decode_records(entry), entry.first)
        )
        for user in {user for *_, user, _ in ordered} - {""} | {None}:
            places = writer.heads
            if user is not None:
                partition = partition_of(user, PARTITIONS)
                places = {partition: writer.heads[partition]}
            found = await log(service, user, places)
            schema.assertValid(etree.fromstring(found))
            said = [
                events(record, transaction_number(partition, running, PARTITIONS), "transaction-1")
                for _, partition, running, whose, record in ordered
                if user in {None, whose}
            ]
            assert found.decode() == OPENING + "".join(said) + CLOSING


class TestRefused:
    async def test_log_that_cannot_be_complete_is_not_begun(
        self, local: AuditService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where the store does not reach the barriers in time, that is said before the first chunk."""
        monkeypatch.setattr(serving, "BEHIND_LIMIT", 0.05)
        before = count("all", "behind")
        with pytest.raises(AuditBehindError, match="has not reached entry 1 of partition 2"):
            await anext(local.dump(None, {2: 1}))
        assert count("all", "behind") == before + 1

    async def test_partition_that_there_is_not_is_refused(self, local: AuditService) -> None:
        """A partition beyond the last is a mistake of who asks."""
        with pytest.raises(ValueError, match=f"there is no partition {PARTITIONS}"):
            await anext(local.dump(None, {PARTITIONS: 1}))

    async def test_only_so_many_dumps_run_at_once(
        self, local: AuditService, writer: Writer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One too many is refused at once; a dump whose reader goes away makes room for another."""
        monkeypatch.setattr(serving, "DUMPS_AT_ONCE", 1)
        await writer.append({0: [added("ann", 1) for _ in range(2_000)]})
        abandoned = count("all", "abandoned")
        running = local.dump(None, writer.heads)
        await anext(running)
        with pytest.raises(TooManyDumpsError, match="1 logs are being written"):
            await anext(local.dump(None, writer.heads))
        await running.aclose()
        assert count("all", "abandoned") == abandoned + 1
        assert await log(local, None, writer.heads)

    async def test_entry_that_the_store_has_lost_fails_the_dump(
        self, local: AuditService, writer: Writer, tmp_path: Path
    ) -> None:
        """A log that cannot be completed ends with an error, not with an end."""
        for n in range(3):
            await writer.append({1: [added("ann", n + 1)]})
        await log(local, None, writer.heads)
        with contextlib.closing(sqlite3.connect(tmp_path / "local.sqlite", isolation_level=None)) as file:
            file.execute("DELETE FROM entries WHERE place = ?", (place_of(1, 2),))
        with pytest.raises(LogIncompleteError, match="lacks entry 2 of partition 1"):
            await log(local, None, writer.heads)
        with pytest.raises(LogIncompleteError, match="lacks entry 2 of partition 1"):
            await log(local, "ann", writer.heads)
        assert count("user", "failed") >= 1


class TestHealth:
    async def test_service_that_follows_is_well(self, local: AuditService) -> None:
        """A service that has found out where it stands is ready, and tells how far it is."""
        assert local.waits_for()
        await log(local, None, {0: 0})
        assert local.waits_for() == ""
        follower, store = await local.health()
        assert (follower.name, follower.ok, store.ok) == ("audit", True, True)
        assert follower.says.startswith("holds the log up to ")

    async def test_blocked_partition_makes_the_service_not_ready(
        self, local: AuditService, journal: Journal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What blocks a partition is what the service is not ready for, in words."""
        monkeypatch.setattr(following, "GAP", 0.01)
        await journal.append([entry_of(1, 1, 1, [added("ann", 1)], format_number=99)])
        await until(lambda: "has format 99" in local.waits_for())
        assert not (await local.health())[0].ok

    async def test_lag_grows_while_nothing_is_followed(self, journal: Journal, tmp_path: Path) -> None:
        """Before the first look, the lag is the time since the start."""
        clock_file = tmp_path / "clock"
        clock = TurnedClock(clock_file)
        service = AuditService(
            Settings(partitions=PARTITIONS, clock_file=str(clock_file)),
            journal,
            SqliteAuditStore(tmp_path / "a.sqlite"),
        )
        clock.turn(60_000)
        assert 60_000 <= service.lag_ms() < 70_000
        await service.close()
