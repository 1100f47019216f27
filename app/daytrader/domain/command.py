"""The seventeen commands: their names, arguments and the check of their fields."""

import re
from typing import Final, Literal, get_args

import msgspec

from daytrader.domain import refusal
from daytrader.domain.money import LARGEST_CENTS

AccountCommand = Literal[
    "ADD",
    "QUOTE",
    "BUY",
    "COMMIT_BUY",
    "CANCEL_BUY",
    "SELL",
    "COMMIT_SELL",
    "CANCEL_SELL",
    "SET_BUY_AMOUNT",
    "SET_BUY_TRIGGER",
    "CANCEL_SET_BUY",
    "SET_SELL_AMOUNT",
    "SET_SELL_TRIGGER",
    "CANCEL_SET_SELL",
    "DISPLAY_SUMMARY",
]
"""The commands that act on, or show, one account."""

CommandName = Literal[AccountCommand, "DUMPLOG"]
"""DUMPLOG counts twice: for one user's log, and (without a userid) for the whole log."""

COMMAND_NAMES: Final[dict[str, CommandName]] = {name: name for name in get_args(CommandName)}

SYMBOL_COMMANDS: Final = frozenset[str](
    {"QUOTE", "BUY", "SELL", "SET_BUY_AMOUNT", "SET_BUY_TRIGGER", "CANCEL_SET_BUY"}
    | {"SET_SELL_AMOUNT", "SET_SELL_TRIGGER", "CANCEL_SET_SELL"}
)
"""Commands that take a stock symbol."""

AMOUNT_COMMANDS: Final = frozenset[str](
    {"ADD", "BUY", "SELL", "SET_BUY_AMOUNT", "SET_BUY_TRIGGER", "SET_SELL_AMOUNT", "SET_SELL_TRIGGER"}
)
"""Commands that take an amount (or a trigger's price) in dollars."""

QUOTED_COMMANDS: Final = frozenset[str]({"QUOTE", "BUY", "SELL", "SET_SELL_AMOUNT"})
"""Commands that are decided with a quote."""

ANSWERED_ANEW: Final = frozenset[str]({"QUOTE", "DISPLAY_SUMMARY", "DUMPLOG"})
"""Commands that change nothing: sent again with the same request id, they are decided again."""

LONGEST_AMOUNT: Final = 17
"""Sixteen digits and the point: a longer amount, leading zeros included, is too large before it is a number."""

KEPT_TEXT: Final = 256
"""How many characters of a field that failed its check are kept for the log."""

Field = Literal["userid", "stockSymbol", "amount"]


class Fault(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A field that failed its check, with (the beginning of) its text as it came."""

    field: Field
    text: str
    refusal: str


class Command(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A command with checked fields. A field it does not take, or that failed, is empty (0 for cents)."""

    name: CommandName
    user: str = ""
    symbol: str = ""
    cents: int = 0
    """The amount, or the trigger price of SET_BUY_TRIGGER and SET_SELL_TRIGGER."""
    filename: str = ""
    faults: tuple[Fault, ...] = ()
    """In the order in which fields are checked: userid, symbol, amount."""


_is_user = re.compile(r"[A-Za-z0-9]{1,64}", re.ASCII).fullmatch
_is_symbol = re.compile(r"[A-Z]{1,3}", re.ASCII).fullmatch
_is_amount = re.compile(r"[0-9]+\.[0-9]{2}", re.ASCII).fullmatch


def amount_fault(text: str) -> str:
    """Return why `text` is no amount in dollars, or "" where it is one."""
    if not _is_amount(text):
        return refusal.INVALID_AMOUNT
    if len(text) > LONGEST_AMOUNT:
        return refusal.AMOUNT_TOO_LARGE
    cents = int(text[:-3] + text[-2:])
    if not cents:
        return refusal.AMOUNT_ZERO
    return refusal.AMOUNT_TOO_LARGE if cents > LARGEST_CENTS else ""


def _kept(text: str) -> str:
    """Return the beginning of `text`, fit for a journal in UTF-8 whatever it was decoded from."""
    return text[:KEPT_TEXT].encode("utf-8", "replace").decode()


def parse(name: CommandName, user: str = "", symbol: str = "", amount: str = "", filename: str = "") -> Command:
    """Check the fields that `name` takes and make the command of them; the fields it does not take are ignored.

    Never refuses: what failed stands in `faults`. DUMPLOG without a user asks for the whole log.
    """
    faults: tuple[Fault, ...] = ()
    if not _is_user(user) and not (name == "DUMPLOG" and not user):
        faults = (Fault("userid", _kept(user), refusal.INVALID_USER),)
        user = ""
    if name not in SYMBOL_COMMANDS:
        symbol = ""
    elif not _is_symbol(symbol):
        faults += (Fault("stockSymbol", _kept(symbol), refusal.INVALID_SYMBOL),)
        symbol = ""
    cents = 0
    if name in AMOUNT_COMMANDS:
        fault = amount_fault(amount)
        if fault:
            faults += (Fault("amount", _kept(amount), fault),)
        else:
            cents = int(amount[:-3] + amount[-2:])
    return Command(name, user, symbol, cents, _kept(filename) if name == "DUMPLOG" else "", faults)
