"""A batch's body, split into lines as it arrives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytrader.web.api import lines
from daytrader.web.api.lines import LONGEST_LINE, BatchTooLargeError, Line, Lines


def split(*pieces: bytes) -> list[Line]:
    """Return the lines of a body that comes in these pieces."""
    splitter = Lines()
    return [*(line for piece in pieces for line in splitter.of(piece)), *splitter.end()]


def test_lines_have_numbers_and_blank_ones_are_left_out() -> None:
    """Blank lines count, so that numbers are those of the client's file; the last line needs no end."""
    assert split(b"a\n\n \r\nb\n", b"c") == [(1, b"a"), (4, b"b"), (5, b"c")]
    assert split(b"") == split(b"\n") == []


@given(body=st.lists(st.sampled_from([b"a", b"\n", b"\xff", b" ", b"bc\n"]), max_size=20), cut=st.integers(0, 20))
def test_pieces_do_not_matter(body: list[bytes], cut: int) -> None:
    """However the body is cut into pieces, the lines are the same."""
    whole = b"".join(body)
    assert split(whole) == split(whole[:cut], whole[cut:]) == split(*(bytes([byte]) for byte in whole))


def test_a_long_line_is_refused_by_itself() -> None:
    """A line over 8 KiB is told of, never kept, and the next one is taken."""
    long = b"x" * (LONGEST_LINE + 1)
    assert split(long + b"\nb\n") == [(1, None), (2, b"b")]
    assert split(long, b"yy", b"y\nb") == [(1, None), (2, b"b")]
    assert split(b"a\n", long) == [(1, b"a"), (2, None)]
    assert split(long[1:] + b"\n") == [(1, long[1:])]


@pytest.mark.parametrize(
    ("limit", "value", "body", "line"), [("MOST_LINES", 2, b"a\nb\nc\n", 3), ("LARGEST_BATCH", 3, b"a\nbc", 1)]
)
def test_a_batch_has_a_limit(monkeypatch: pytest.MonkeyPatch, limit: str, value: int, body: bytes, line: int) -> None:
    """What is over the limit is refused with the number of the first line that is not taken."""
    monkeypatch.setattr(lines, limit, value)
    with pytest.raises(BatchTooLargeError, match="send several") as raised:
        split(body)
    assert raised.value.line == line
