"""The grammar of the commands' fields."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytrader.domain.command import (
    AMOUNT_COMMANDS,
    ANSWERED_ANEW,
    COMMAND_NAMES,
    KEPT_TEXT,
    QUOTED_COMMANDS,
    SYMBOL_COMMANDS,
    Command,
    CommandName,
    Fault,
    amount_fault,
    parse,
)

ARABIC_FIVE = "\u0665"
FULLWIDTH_FIVE = "\uff15"
SUPERSCRIPT_TWO = "\u00b2"
KELVIN_SIGN = "\u212a"


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("0.01", 1),
        ("5.00", 500),
        ("05.00", 500),
        ("10002.34", 1_000_234),
        ("9999999999999.99", 999_999_999_999_999),
        ("10000000000000.00", 10**15),
        ("00000000000001.00", 100),
    ],
)
def test_amounts_are_read_as_cents(text: str, cents: int) -> None:
    """Digits, a point and two digits, at most 16 digits and 10^15 cents, are an amount."""
    assert amount_fault(text) == ""
    assert parse("ADD", "u", amount=text).cents == cents


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "5",
        "5.",
        ".50",
        "5.0",
        "5.000",
        "5,00",
        "-1.00",
        "+1.00",
        "-0.00",
        " 5.00",
        "5.00 ",
        "5.00\n",
        "\n5.00",
        "5.00\r\n",
        "5.00\0",
        "5 .00",
        "1e3.00",
        "0x5.00",
        "1_000.00",
        "1.00.00",
        "sdfsd",
        "NaN",
        "inf",
        f"{ARABIC_FIVE}.00",
        f"5.0{ARABIC_FIVE}",
        f"{FULLWIDTH_FIVE}.{FULLWIDTH_FIVE}{FULLWIDTH_FIVE}",
        f"{SUPERSCRIPT_TWO}.00",
        "5\uff0e00",
        "-" + "9" * 40 + ".00",
    ],
)
def test_anything_else_is_no_amount(text: str) -> None:
    """Signs, blanks, newlines at the end, other scripts' digits and other numbers of decimals are refused."""
    assert amount_fault(text) == "Invalid amount"


@pytest.mark.parametrize("text", ["0.00", "00.00", "00000000000000.00"])
def test_zero_is_refused_as_zero(text: str) -> None:
    """Up to 16 zeros are an amount of zero."""
    assert amount_fault(text) == "Amount cannot be zero"


@pytest.mark.parametrize(
    "text",
    [
        "10000000000000.01",
        "99999999999999.99",
        "100000000000000.00",
        "9" * 4_000 + ".00",
        "0" * 15 + ".00",
        "000000000000001.00",
        "0" * 4_000 + "1.00",
    ],
)
def test_more_than_the_largest_amount_is_too_large(text: str) -> None:
    """More than 10^15 cents, or more than 16 digits whatever they are, is too large."""
    assert amount_fault(text) == "Amount is too large"


def test_a_million_digits_are_refused_before_they_are_a_number() -> None:
    """An absurdly long amount costs no conversion (which Python itself would refuse with an exception)."""
    assert amount_fault("9" * 1_000_000 + ".00") == "Amount is too large"


@pytest.mark.parametrize("user", ["a", "A1", "0", "x" * 64, "Null", "oY01WVirLr"])
def test_userids_are_letters_and_digits(user: str) -> None:
    """One to 64 ASCII letters and digits are a userid."""
    assert parse("DISPLAY_SUMMARY", user) == Command("DISPLAY_SUMMARY", user)


@pytest.mark.parametrize(
    "user",
    ["", "x" * 65, "a b", "a\n", "a-b", "a_b", "!!", "ä", "é", ARABIC_FIVE, FULLWIDTH_FIVE, KELVIN_SIGN, "a\0", "../x"],
)
def test_other_userids_are_refused(user: str) -> None:
    """Anything but ASCII letters and digits is no userid."""
    command = parse("DISPLAY_SUMMARY", user)
    assert command.user == ""
    assert [fault.refusal for fault in command.faults] == ["Invalid userid"]


@pytest.mark.parametrize("symbol", ["S", "AB", "ABC"])
def test_symbols_are_capitals(symbol: str) -> None:
    """One to three ASCII capitals are a symbol."""
    assert parse("QUOTE", "u", symbol) == Command("QUOTE", "u", symbol)


@pytest.mark.parametrize("symbol", ["", "ADDS", "abc", "A1", "A ", "A\n", "Ä", "ABCD\n", KELVIN_SIGN, "A.B"])
def test_other_symbols_are_refused(symbol: str) -> None:
    """Anything but one to three ASCII capitals is no symbol."""
    command = parse("QUOTE", "u", symbol)
    assert command.symbol == ""
    assert [fault.refusal for fault in command.faults] == ["Invalid stock symbol"]


def test_fields_are_checked_in_the_order_userid_symbol_amount() -> None:
    """All that failed is kept, in the order in which fields are checked, with the text as it came."""
    assert parse("BUY", "!!", "adds", "-1.00").faults == (
        Fault("userid", "!!", "Invalid userid"),
        Fault("stockSymbol", "adds", "Invalid stock symbol"),
        Fault("amount", "-1.00", "Invalid amount"),
    )


def test_a_field_that_failed_leaves_the_others_as_they_are() -> None:
    """A command with one bad field keeps the good ones, for the log."""
    assert parse("BUY", "u", "ABC", "x") == Command("BUY", "u", "ABC", 0, "", (Fault("amount", "x", "Invalid amount"),))


@pytest.mark.parametrize("name", COMMAND_NAMES.values())
def test_fields_that_a_command_does_not_take_are_ignored(name: CommandName) -> None:
    """A superfluous symbol, amount or filename is neither checked nor kept."""
    command = parse(name, "u", "ABC", "1.00", "f")
    assert command.faults == ()
    assert command.symbol == ("ABC" if name in SYMBOL_COMMANDS else "")
    assert command.cents == (100 if name in AMOUNT_COMMANDS else 0)
    assert command.filename == ("f" if name == "DUMPLOG" else "")
    superfluous = parse(
        name,
        "u",
        "ABC" if name in SYMBOL_COMMANDS else "no symbol",
        "1.00" if name in AMOUNT_COMMANDS else "no amount",
    )
    assert superfluous.faults == ()


def test_a_dumplog_without_a_user_asks_for_the_whole_log() -> None:
    """DUMPLOG is the one command that may go without a userid; a bad userid is refused all the same."""
    assert parse("DUMPLOG", filename="./log").faults == ()
    assert [fault.refusal for fault in parse("DUMPLOG", "!!").faults] == ["Invalid userid"]


def test_the_commands_are_those_of_the_contract() -> None:
    """Sixteen names (DUMPLOG counts twice), and which of them take what."""
    assert len(COMMAND_NAMES) == 16
    assert set(COMMAND_NAMES) - SYMBOL_COMMANDS == {
        "ADD",
        "COMMIT_BUY",
        "CANCEL_BUY",
        "COMMIT_SELL",
        "CANCEL_SELL",
        "DUMPLOG",
        "DISPLAY_SUMMARY",
    }
    assert set(COMMAND_NAMES) - AMOUNT_COMMANDS == {
        "QUOTE",
        "COMMIT_BUY",
        "CANCEL_BUY",
        "COMMIT_SELL",
        "CANCEL_SELL",
        "CANCEL_SET_BUY",
        "CANCEL_SET_SELL",
        "DUMPLOG",
        "DISPLAY_SUMMARY",
    }
    assert {"QUOTE", "BUY", "SELL", "SET_SELL_AMOUNT"} == QUOTED_COMMANDS
    assert {"QUOTE", "DISPLAY_SUMMARY", "DUMPLOG"} == ANSWERED_ANEW


def test_only_the_beginning_of_a_field_is_kept() -> None:
    """What failed its check, and a filename, take at most 256 characters in the journal."""
    long = "!" * 10_000
    command = parse("BUY", long, long, long)
    assert [len(fault.text) for fault in command.faults] == [KEPT_TEXT] * 3
    assert len(parse("DUMPLOG", "u", filename=long).filename) == KEPT_TEXT


@given(
    st.sampled_from(sorted(COMMAND_NAMES.values())),
    st.text(st.characters(), max_size=300),
    st.text(st.characters(), max_size=300),
    st.text(st.characters(), max_size=300),
    st.text(st.characters(), max_size=300),
)
def test_any_text_is_parsed_and_can_be_journalled(
    name: CommandName, user: str, symbol: str, amount: str, filename: str
) -> None:
    """Whatever the fields hold, lone surrogates included, the command survives the journal's encoding unchanged."""
    command = parse(name, user, symbol, amount, filename)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(command), type=Command) == command


@given(st.from_regex(r"\A[0-9]{1,14}\.[0-9]{2}\Z"))
def test_every_short_amount_is_zero_too_large_or_its_digits(text: str) -> None:
    """Of amounts with up to 16 digits nothing is rounded or lost."""
    digits = int(text.replace(".", ""))
    expected = "Amount cannot be zero" if digits == 0 else "Amount is too large" if digits > 10**15 else ""
    # A regular expression's [0-9] is ASCII alone, and so is what hypothesis makes of it.
    assert amount_fault(text) == expected
    assert parse("ADD", "u", amount=text).cents == (0 if expected else digits)


@given(st.text(st.characters(categories=["Nd", "Nl", "No"], exclude_characters="0123456789"), min_size=1, max_size=5))
def test_digits_of_other_scripts_are_no_amount(digits: str) -> None:
    """What Python's int() or isdigit() would take for a digit is none here."""
    assert amount_fault(f"{digits}.00") == "Invalid amount"
    assert amount_fault(f"1{digits}.00") == "Invalid amount"
