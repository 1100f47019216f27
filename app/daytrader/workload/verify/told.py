"""What the log tells of one command or one fired trigger: the events under one number, taken apart."""

import re
from typing import Final

from daytrader.domain import refusal
from daytrader.domain.command import (
    AMOUNT_COMMANDS,
    COMMAND_NAMES,
    KEPT_TEXT,
    SYMBOL_COMMANDS,
    Command,
    Fault,
    amount_fault,
)
from daytrader.domain.quote import Quote
from daytrader.workload.verify.log import Fields, Transaction

_ABOUT: Final = ("command", "username", "stockSymbol", "filename", "funds")
"""What every event of a command repeats."""

_quoted: Final = re.compile(r"quote ([0-9]+\.[0-9]{2}) (-?[0-9]+)", re.ASCII).fullmatch

_AMOUNT_FAULTS: Final = (refusal.INVALID_AMOUNT, refusal.AMOUNT_ZERO, refusal.AMOUNT_TOO_LARGE)


class ContradictionError(Exception):
    """The events under one number do not belong together; the text says which."""


def cents(text: str) -> int:
    """Read dollars with two decimals, as the schema lets them through, as cents."""
    return int(text.replace(".", ""))


class Told:
    """The events of one transaction by their part in it. Of each there is one at most, but of quote hits and texts."""

    __slots__ = ("cash", "error", "hits", "main", "number", "price", "texts", "time", "trigger")

    def __init__(self, transaction: Transaction) -> None:
        """Take the events apart. Raises ContradictionError where they do not belong together."""
        self.number = transaction.number
        self.main: Fields | None = None
        """The userCommand or systemEvent; None for hits on the quote server that belong to no command."""
        self.trigger = False
        """Whether it is a systemEvent."""
        self.error: Fields | None = None
        self.cash: Fields | None = None
        """The accountTransaction."""
        self.price: int | None = None
        """The price in cents of the quote it was decided with."""
        self.texts: dict[str, str] = {}
        """The texts of the fields that failed their check."""
        self.hits = 0
        for kind, fields in transaction.events:
            self._take(kind, fields)
        self.time = int(transaction.events[0][1]["timestamp"])
        """Of the first event, ms since the epoch."""

    def _take(self, kind: str, fields: Fields) -> None:
        if kind in {"userCommand", "systemEvent"}:
            if self.main is not None:
                raise ContradictionError("has two commands")
            self.main = fields
            self.trigger = kind == "systemEvent"
        elif kind == "quoteServer":
            self.hits += 1
        elif kind == "accountTransaction":
            if self.cash is not None:
                raise ContradictionError("moves cash twice")
            self.cash = fields
        elif self.main is None or any(fields.get(name) != self.main.get(name) for name in _ABOUT):
            raise ContradictionError(f"has a {kind} that is of another command: {fields}")
        elif kind == "errorEvent":
            if self.error is not None:
                raise ContradictionError("has two errors")
            self.error = fields
        else:
            self._debug(fields.get("debugMessage", ""))

    def _debug(self, message: str) -> None:
        quote = _quoted(message)
        if quote is None:
            field, _, text = message.partition(": ")
            self.texts[field] = text
        elif self.price is not None:
            raise ContradictionError("has two quotes")
        else:
            self.price = cents(quote[1])

    @property
    def user(self) -> str:
        """The user, "" where there is none or the userid failed its check."""
        return "" if self.main is None else self.main.get("username", "")

    @property
    def refusal(self) -> str:
        """The text with which it was refused, "" where it was accepted."""
        return "" if self.error is None else self.error.get("errorMessage", "")

    def quote(self) -> Quote | None:
        """Return the quote it was decided with; when it was asked for is not known and plays no part."""
        if self.price is None or self.main is None:
            return None
        return Quote(self.main.get("stockSymbol", ""), self.price, self.time, 0)

    def command(self) -> Command:
        """Return the command as it was decided, its faulty fields included. Raises ContradictionError.

        A field that the command takes and the log leaves out has failed its check.
        """
        fields = self.main or {}
        name = COMMAND_NAMES[fields["command"]]
        user, symbol, funds = fields.get("username", ""), fields.get("stockSymbol", ""), fields.get("funds", "")
        faults: list[Fault] = []
        if not user and (name != "DUMPLOG" or "userid" in self.texts):
            faults.append(Fault("userid", self.texts.get("userid", ""), refusal.INVALID_USER))
        if not symbol and name in SYMBOL_COMMANDS:
            faults.append(Fault("stockSymbol", self.texts.get("stockSymbol", ""), refusal.INVALID_SYMBOL))
        if not funds and name in AMOUNT_COMMANDS:
            text = self.texts.get("amount", "")
            faults.append(Fault("amount", text, self._why_no_amount(text)))
        amount = cents(funds) if funds else 0
        return Command(name, user, symbol, amount, fields.get("filename", ""), tuple(faults))

    def _why_no_amount(self, text: str) -> str:
        """Return with what the amount `text` is refused; where only its beginning was kept, the log is believed."""
        if len(text) >= KEPT_TEXT and self.refusal in _AMOUNT_FAULTS:
            return self.refusal
        fault = amount_fault(text)
        if not fault:
            raise ContradictionError(f"treats {text!r}, which is an amount, as none")
        return fault
