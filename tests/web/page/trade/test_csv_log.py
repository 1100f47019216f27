"""The log as CSV."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytrader.audit.events import CLOSING, OPENING, events
from daytrader.domain.command import parse
from daytrader.domain.event import Added
from daytrader.domain.quote import Hit, Quote
from daytrader.domain.record import Record
from daytrader.web.page.trade.csv_log import COLUMNS, CsvError, CsvLog, safe

DEPOSIT = Record(1_700_000_000_123, "alice", "w:1", parse("ADD", "alice", amount="10.00"), event=Added(1_000))


def rows(xml: str, chunk: int = 1 << 20) -> list[dict[str, str]]:
    """Return the lines of the CSV made of `xml`, which comes in chunks of so many bytes."""
    log, data = CsvLog(), xml.encode()
    made = b"".join(log.feed(data[start : start + chunk]) for start in range(0, len(data), chunk)) + log.close()
    return list(csv.DictReader(io.StringIO(made.decode(), newline="")))


@pytest.mark.parametrize("chunk", [1, 7, 100, 1 << 20])
def test_each_event_becomes_a_line(chunk: int) -> None:
    """However the XML is cut, with the time also as people read it."""
    hit = Hit("ABC", "alice", 500, 17, "=key+")
    quoted = Record(
        1_700_000_000_999, "alice", "w:2", parse("QUOTE", "alice", "ABC"), quote=Quote("ABC", 500, 1, 17), hit=hit
    )
    found = rows(OPENING + events(DEPOSIT, 1, "web") + events(quoted, 2, "web") + CLOSING, chunk)
    assert [row["event"] for row in found] == [
        *("userCommand", "accountTransaction"),
        *("userCommand", "quoteServer", "debugEvent"),
    ]
    assert found[1] | {"time": "2023-11-14T22:13:20.123+00:00", "action": "add", "funds": "10.00"} == found[1]
    assert found[3]["cryptokey"] == "'=key+"
    assert found[3]["price"] == "5.00"


def test_an_empty_log_is_a_header() -> None:
    """So that a program sees what there would be."""
    log = CsvLog()
    assert (log.feed((OPENING + CLOSING).encode()) + log.close()).decode() == ",".join(COLUMNS) + "\r\n"


@pytest.mark.parametrize(
    "text", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "\uff1d1", '=HYPERLINK("http://x")']
)
def test_no_text_is_a_formula_to_a_spreadsheet(text: str) -> None:
    """It is put behind an apostrophe, which spreadsheets take for: this is text."""
    assert safe(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "alice", "10.00", "-5", "17", "quote 5.00 17", "a=b", "userid: -"])
def test_numbers_and_plain_texts_stay_as_they_are(text: str) -> None:
    """A negative number is no formula."""
    assert safe(text) == text


@given(st.text(max_size=20))
def test_whatever_was_typed_into_a_field_stands_in_one_cell(typed: str) -> None:
    """Quotes, commas, line ends and formulas of others do no harm."""
    record = Record(1, "", "w:1", parse("ADD", typed, amount="x"), "Invalid userid")
    found = rows(OPENING + events(record, 1, "web") + CLOSING)
    assert all(set(row) == set(COLUMNS) for row in found)
    assert not any(cell.lstrip().startswith(("=", "+", "@")) for row in found for cell in row.values())


def test_a_long_log_takes_no_memory() -> None:
    """Events that are written are dropped from the tree that the parser builds."""
    log = CsvLog()
    log.feed(OPENING.encode())
    for number in range(2_000):
        log.feed(events(DEPOSIT, number + 1, "web").encode())
    assert log.kept < 10


@pytest.mark.parametrize("xml", ["<log><userCommand>", "no XML", "<log></nolog>"])
def test_what_is_no_whole_log_breaks_off(xml: str) -> None:
    """So a client sees that its file is not complete."""
    with pytest.raises(CsvError):
        rows(xml)
