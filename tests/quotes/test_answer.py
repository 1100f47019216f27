"""The quote server's two lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytrader.domain.money import LARGEST_CENTS
from daytrader.domain.quote import Hit
from daytrader.quotes.answer import read_answer, request_line

KEY = "IRrR7UeTO35kSWUgG0QJKmB35sL27FKM7AVhP5qpjCgmWQeXFJs35g=="


def price_of(text: str) -> int:
    """Read an answer whose price is `text`."""
    return read_answer(f"{text},ABC,alice,1234,{KEY}\n".encode(), "ABC", "alice").price


def test_an_answer_is_read() -> None:
    """All five fields of an honest answer arrive."""
    assert read_answer(f"276.01,ABC,alice,1167631203000,{KEY}\n".encode(), "ABC", "alice") == Hit(
        "ABC", "alice", 27601, 1167631203000, KEY
    )


@pytest.mark.parametrize("end", ["\n", "\r\n", "  \n", " \r\n", "\t\n", ""])
def test_blanks_and_cr_after_the_cryptokey_are_no_part_of_it(end: str) -> None:
    """The cryptokey is stripped of what the server leaves behind it."""
    assert read_answer(f"5.00,ABC,alice,1234,{KEY}{end}".encode(), "ABC", "alice").cryptokey == KEY


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("5.00", 500),
        ("0.01", 1),
        ("5.999", 599),
        ("5.9999", 599),
        ("0.009999", 0),
        ("0.00", 0),
        ("007.10", 710),
        (f"{LARGEST_CENTS // 100}.00", LARGEST_CENTS),
    ],
)
def test_decimals_after_the_second_are_cut(text: str, cents: int) -> None:
    """A price is never rounded up, and 0 is read."""
    assert price_of(text) == cents


@pytest.mark.parametrize(
    "text",
    [
        "-5.00", "+5.00", "5", "5.", "5.0", ".50", "5,00", "1e3", "5.00e1", "NaN", "nan", "inf", "Infinity", "0x5.00",
        " 5.00", "5.00 ", "", "5_0.00", "\u0665.\u0660\u0660", "10000000000000.01", "99999999999999999999.00",
        "5.0 0", "5.00\0",
    ],
)  # fmt: skip
def test_anything_else_is_no_price(text: str) -> None:
    """Signs, exponents, names of numbers, other digits and sums beyond the largest are refused."""
    with pytest.raises(ValueError, match="its "):
        price_of(text)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (f"5.00,XYZ,alice,1234,{KEY}\n", "answered for 'XYZ', 'alice' instead of 'ABC', 'alice'"),
        (f"5.00,ABC,bob,1234,{KEY}\n", "answered for 'ABC', 'bob'"),
        (f"5.00,abc,alice,1234,{KEY}\n", "answered for 'abc'"),
        (f"5.00,ABC,alice,soon,{KEY}\n", "timestamp 'soon'"),
        (f"5.00,ABC,alice,-1,{KEY}\n", "timestamp '-1'"),
        (f"5.00,ABC,alice,{'9' * 16},{KEY}\n", "timestamp"),
        ("5.00,ABC,alice,1234,\n", "cryptokey ''"),
        ("5.00,ABC,alice,1234,a b\n", "cryptokey 'a b'"),
        ("5.00,ABC,alice,1234,<&>\n", "cryptokey '<&>'"),
        ("5.00,ABC,alice,1234\n", "4 fields"),
        (f"5.00,ABC,alice,1234,{KEY},more\n", "6 fields"),
        ("\n", "1 fields"),
        ("ERROR\n", "1 fields"),
    ],
)
def test_a_line_that_answers_something_else_is_refused(line: str, complaint: str) -> None:
    """The refusal says what was wrong with the answer."""
    with pytest.raises(ValueError, match=complaint):
        read_answer(line.encode(), "ABC", "alice")


@given(st.binary(max_size=300) | st.text(max_size=80).map(lambda text: f"5.00,ABC,{text},1,k\n".encode()))
def test_any_bytes_are_read_or_refused(line: bytes) -> None:
    """No line makes it fail in any other way than by refusing it."""
    try:
        hit = read_answer(line, "ABC", "alice")
    except ValueError:
        return
    assert (hit.symbol, hit.user) == ("ABC", "alice")
    assert 0 <= hit.price <= LARGEST_CENTS


def test_the_question_is_symbol_and_user() -> None:
    """The request is `SYMBOL,userid` and a newline."""
    assert request_line("ABC", "oY01WVirLr") == b"ABC,oY01WVirLr\n"


@pytest.mark.parametrize(
    ("symbol", "user"), [("abc", "u"), ("", "u"), ("ABCD", "u"), ("A\n", "u"), ("A", ""), ("A", "u,v"), ("A", "u\n")]
)
def test_a_malformed_question_is_never_sent(symbol: str, user: str) -> None:
    """A symbol or userid that could smuggle in another question is refused."""
    with pytest.raises(ValueError, match="cannot ask for a quote"):
        request_line(symbol, user)
