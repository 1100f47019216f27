"""Reading a log: the events under one transactionNum at a time, validated on the way, in constant memory."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, cast

from lxml import etree

from daytrader.audit.schema import log_schema
from daytrader.workload.verify.findings import Findings

_KINDS: Final = ("userCommand", "quoteServer", "accountTransaction", "systemEvent", "errorEvent", "debugEvent")

_CHUNK: Final = 256 * 1024
"""Bytes that are parsed at a time; the elements of one chunk are in memory together."""

Fields = dict[str, str]
"""The children of one event, text by name."""


class Transaction:
    """Consecutive events under one transactionNum: what the log says of one command, fired trigger, or stray hit."""

    __slots__ = ("events", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.events: list[tuple[str, Fields]] = []
        """Kind and fields of each event, in the order of the log."""


def transactions(path: Path, findings: Findings, progress: Callable[[int], None]) -> Iterator[Transaction]:
    """Yield what the log at `path` holds, in its order; tell `progress` how many more bytes have been read.

    A log that is no XML, not valid, or broken off is a violation, and is read up to there.

    Raises:
        OSError: the file cannot be read.
    """
    current: Transaction | None = None
    number = ""
    for kind, fields in _events(path, findings, progress):
        if current is None or fields["transactionNum"] != number:
            if current is not None:
                yield current
            number = fields["transactionNum"]
            current = Transaction(int(number))
        current.events.append((kind, fields))
    if current is not None:
        yield current


def _events(path: Path, findings: Findings, progress: Callable[[int], None]) -> Iterator[tuple[str, Fields]]:
    parser = etree.XMLPullParser(events=("end",), tag=(*_KINDS, "log"), schema=log_schema())
    events = cast("Iterator[tuple[str, etree._Element]]", parser.read_events())
    ended = False
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            error = _feed(parser, chunk)
            if error:
                findings.violation("format", f"after {findings.checked['events']} events the log {error}")
                return
            element: etree._Element | None = None
            for _, element in events:
                if element.tag == "log":
                    ended = True
                else:
                    findings.checked["events"] += 1
                    yield element.tag, {child.tag: child.text or "" for child in element}
            _forget(element)
            progress(len(chunk))
    if not ended:  # with a schema, lxml does not say so by itself
        findings.violation("format", f"after {findings.checked['events']} events the log breaks off or is no XML")


def _feed(parser: etree.XMLPullParser, chunk: bytes) -> str:
    """Parse some more; return what is wrong with it, "" where nothing is."""
    try:
        parser.feed(chunk)
    except etree.XMLSyntaxError as error:
        return f"is not well-formed: {error.msg}"
    invalid = list(parser.feed_error_log)
    return f"is not valid: {invalid[0].message}" if invalid else ""


def _forget(element: etree._Element | None) -> None:
    """Drop the events before `element`: the document would hold them all."""
    parent = None if element is None else element.getparent()
    if parent is not None:
        del parent[:-1]
