"""Whether the journal continues what the audit store holds: a gap is found and named, never passed over."""

from collections.abc import Mapping

import msgspec

from daytrader.audit.index import user_of
from daytrader.audit.port import AuditStore
from daytrader.journal.entry import Entry, UnknownFormatError, decode_records
from daytrader.journal.port import Journal

_OTHERS = (
    "one of the two was reset or restored without the other: restore the one that is behind, or empty the audit store "
    "as well where the old log is not needed"
)


class GapError(Exception):
    """An entry does not continue its partition, or cannot be understood."""


def users_of(entry: Entry, after: int, next_record: int) -> set[str]:
    """Return the users in `entry`, which must follow entry `after` and begin with record number `next_record`.

    Raises GapError where it does not, or where its records cannot be read.
    """
    where = f"entry {entry.n} of partition {entry.partition}"
    if entry.n != after + 1:
        raise GapError(f"{where} came where entry {after + 1} was expected: the journal has lost what is between")
    if entry.first != next_record:
        raise GapError(
            f"{where} begins with record {entry.first} where record {next_record} was expected: the journal and the "
            f"audit store do not belong together; {_OTHERS}"
        )
    try:
        records = decode_records(entry)
    except UnknownFormatError as error:
        raise GapError(str(error)) from error
    except msgspec.MsgspecError as error:
        raise GapError(f"the records of {where} cannot be read ({error}): restore the journal from a backup") from error
    if len(records) != entry.count:
        raise GapError(f"{where} says it holds {entry.count} records and holds {len(records)}: it is damaged")
    return {user_of(record) for record in records}


async def find_gaps(journal: Journal, store: AuditStore, heads: Mapping[int, int]) -> dict[int, str]:
    """Return, for each partition where the journal cannot continue what the store holds up to `heads`, why.

    Raises JournalUnavailableError, AuditUnavailableError.
    """
    outdated = await journal.outdated(heads)
    reasons = {}
    for partition, head in heads.items():
        reason = await _foreign(journal, store, partition, head) if head else ""
        if not reason and partition in outdated and not await journal.read(partition, head, 1):
            reason = (
                f"the journal no longer has entry {head + 1} of partition {partition}, where the audit store ends, but "
                "later ones: the log cannot go on; restore the audit store from a backup that reaches further"
            )
        if reason:
            reasons[partition] = reason
    return reasons


async def _foreign(journal: Journal, store: AuditStore, partition: int, head: int) -> str:
    """Return why the last entry held here is not the journal's; "" where it is, or where the journal has trimmed it."""
    where = f"entry {head} of partition {partition}"
    found = await journal.read(partition, head - 1, 1)
    if not found:
        if head <= await journal.mark(partition):
            return ""
        return f"the audit store holds {where}, the journal ends before it: {_OTHERS}"
    held = await store.read(partition, head - 1, head, 1)
    if not held or held[0].batch != found[0].batch:
        return f"the audit store holds another {where} than the journal: {_OTHERS}"
    return ""
