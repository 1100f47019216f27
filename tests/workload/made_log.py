"""Logs made from a desk's records, as an installation with a few partitions would dump them."""

from pathlib import Path

from daytrader.audit.events import CLOSING, OPENING, events
from daytrader.domain.record import Record
from daytrader.journal.entry import partition_of, transaction_number
from tests.domain.desk import Desk

PARTITIONS = 4


def log_lines(records: list[Record]) -> list[str]:
    """Return the events of the records, one a line, each with the number that its partition gives it."""
    running = [0] * PARTITIONS
    lines: list[str] = []
    for record in records:
        user = record.command.user if record.command else record.account
        partition = partition_of(user, PARTITIONS)
        running[partition] += 1
        number = transaction_number(partition, running[partition], PARTITIONS)
        lines += events(record, number, f"transaction-{partition % 2}").splitlines()
    return lines


def write_log(path: Path, lines: list[str]) -> Path:
    """Write a log of these lines; return its path."""
    path.write_text(OPENING + "\n".join(lines) + "\n" + CLOSING, encoding="utf-8", newline="\n")
    return path


def write_records(path: Path, desk: Desk) -> Path:
    """Write the log of everything that the desk did; return its path."""
    return write_log(path, log_lines(desk.records))
