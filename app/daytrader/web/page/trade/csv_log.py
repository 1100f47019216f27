"""The log as CSV: made of the XML as it comes, one line an event, with one event in memory at a time."""

import csv
import io
import re
from datetime import UTC, datetime
from typing import Final

from lxml import etree

COLUMNS: Final = (
    *("event", "time", "timestamp", "server", "transactionNum", "command", "username", "stockSymbol", "funds"),
    *("action", "price", "quoteServerTime", "cryptokey", "filename", "errorMessage", "debugMessage"),
)
"""The event's name, its time as UTC, and what the XML says of it; cells for what an event does not have are empty."""

_is_number = re.compile(r"-?[0-9]+(\.[0-9]+)?").fullmatch
_is_formula = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]").match
_DEPTH_OF_EVENT: Final = 2


class CsvError(Exception):
    """What comes is not a log."""


def safe(text: str) -> str:
    """Return `text` such that no spreadsheet takes it for a formula: behind an apostrophe where it looks like one."""
    return f"'{text}" if _is_formula(text) and not _is_number(text) else text


class CsvLog:
    """Turns chunks of an XML log into chunks of CSV."""

    def __init__(self) -> None:
        self._parser = etree.XMLPullParser(
            events=("start", "end"), resolve_entities=False, no_network=True, huge_tree=False
        )
        self._depth = 0
        self._began = False
        self._log: etree._Element | None = None

    @property
    def kept(self) -> int:
        """How many events are in memory."""
        return 0 if self._log is None else len(self._log)

    def feed(self, chunk: bytes) -> bytes:
        """Return the lines for the events that are whole with `chunk`. Raises CsvError: this is no XML."""
        try:
            self._parser.feed(chunk)
            return self._lines()
        except etree.XMLSyntaxError as error:
            raise CsvError(f"the log is no XML: {error}") from error

    def close(self) -> bytes:
        """Return what is left at the end. Raises CsvError: the log is not whole."""
        try:
            self._parser.close()
            return self._lines()
        except etree.XMLSyntaxError as error:
            raise CsvError(f"the log is not whole: {error}") from error

    def _lines(self) -> bytes:
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        if not self._began:
            self._began = True
            writer.writerow(COLUMNS)
        for action, element in self._parser.read_events():
            assert isinstance(element, etree._Element)  # noqa: S101  for the type checker
            if action == "start":
                self._depth += 1
                if self._log is None:
                    self._log = element
                continue
            if self._depth == _DEPTH_OF_EVENT:
                writer.writerow(_row(element))
                _forget(element)
            self._depth -= 1
        return text.getvalue().encode()


def _row(element: "etree._Element") -> list[str]:
    cells = {str(child.tag): child.text or "" for child in element}
    cells["event"] = str(element.tag)
    time = cells.get("timestamp", "")
    if time.isdigit():
        cells["time"] = datetime.fromtimestamp(int(time) / 1_000, UTC).isoformat(timespec="milliseconds")
    return [safe(cells.get(column, "")) for column in COLUMNS]


def _forget(element: "etree._Element") -> None:
    """Drop a finished event, and those before it, out of the tree, which would grow with the log."""
    element.clear()
    parent = element.getparent()
    if parent is None:
        return
    while (before := element.getprevious()) is not None:
        parent.remove(before)
