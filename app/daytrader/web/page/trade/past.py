"""The history of an account: its last commands and the triggers that were seen to fire, the newest first, filtered."""

from collections.abc import Iterable, Mapping
from typing import Final, Literal, Self

import msgspec

from daytrader.domain.account import Account, Recent
from daytrader.domain.event import BuyTriggerFired, SellTriggerFired
from daytrader.domain.record import Record
from daytrader.web.page.grouped import grouped

TITLES: Final[dict[str, str]] = {
    "ADD": "Deposit",
    "QUOTE": "Quote",
    "BUY": "Buy",
    "COMMIT_BUY": "Commit buy",
    "CANCEL_BUY": "Cancel buy",
    "SELL": "Sell",
    "COMMIT_SELL": "Commit sell",
    "CANCEL_SELL": "Cancel sell",
    "SET_BUY_AMOUNT": "Buy trigger: amount",
    "SET_BUY_TRIGGER": "Buy trigger: price",
    "CANCEL_SET_BUY": "Buy trigger: cancel",
    "SET_SELL_AMOUNT": "Sell trigger: amount",
    "SET_SELL_TRIGGER": "Sell trigger: price",
    "CANCEL_SET_SELL": "Sell trigger: cancel",
    "DISPLAY_SUMMARY": "Summary",
}
FIRED: Final = "FIRED"
LOG: Final = "DUMPLOG"
KINDS: Final[dict[str, str]] = {**TITLES, LOG: "Log", FIRED: "Trigger fired"}
"""What a line of the history may be of, and how the page calls it."""

LONGEST_TEXT: Final = 64
"""Characters of the text that is looked for."""

Outcome = Literal["", "accepted", "refused"]


class Filter(msgspec.Struct, frozen=True):
    """Which lines are wanted; what is empty does not matter."""

    kind: str = ""
    outcome: Outcome = ""
    symbol: str = ""
    text: str = ""
    """Anywhere in a line, in capitals or not."""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Self:
        """Return the filter that stands in a query; what means nothing there is left out."""
        kind = query.get("kind", "")
        given = query.get("outcome", "")
        outcome: Outcome = "accepted" if given == "accepted" else "refused" if given == "refused" else ""
        return cls(
            kind if kind in KINDS else "",
            outcome,
            query.get("symbol", "").strip().upper()[:3],
            query.get("text", "").strip()[:LONGEST_TEXT],
        )

    @property
    def wants_all(self) -> bool:
        """Whether nothing is left out."""
        return self == Filter()

    def wants(self, line: "Line") -> bool:
        """Whether `line` is wanted."""
        if self.kind not in ("", line.kind) or self.symbol not in ("", line.symbol):
            return False
        if self.outcome and (self.outcome == "refused") != bool(line.refusal):
            return False
        return not self.text or self.text.casefold() in line.words.casefold()


class Line(msgspec.Struct, frozen=True):
    """One line of the history."""

    time: int
    """Ms since the epoch."""
    kind: str
    symbol: str
    cents: int
    """The amount or price that the command named, or what a fired trigger cost or brought; 0: none."""
    refusal: str
    """Empty where it was accepted."""
    detail: str = ""
    """What came of it, where that is more than being accepted."""

    @property
    def title(self) -> str:
        """What it was, in words."""
        return KINDS.get(self.kind, self.kind)

    @property
    def words(self) -> str:
        """Everything in which a text is looked for."""
        amount = grouped(self.cents) if self.cents else ""
        return f"{self.title} {self.kind} {self.symbol} {amount} {self.refusal or 'accepted'} {self.detail}"


def history(account: Account, fired: Iterable[Record], wanted: Filter, most: int) -> tuple[Line, ...]:
    """Return the newest lines, at most `most`, that `wanted` wants; `fired` are records of triggers that fired."""
    lines = [_of_recent(one) for one in account.recent]
    lines += [line for line in map(of_fired, fired) if line is not None]
    lines.sort(key=lambda line: line.time, reverse=True)
    return tuple([line for line in lines if wanted.wants(line)][:most])


def of_fired(record: Record) -> Line | None:
    """Return the line for a record of a trigger that fired; None for another record."""
    match record.event:
        case BuyTriggerFired(symbol, price, shares, cost, _):
            return Line(record.time, FIRED, symbol, cost, "", f"bought {_shares(shares)} at {grouped(price)}")
        case SellTriggerFired(symbol, price, shares, proceeds):
            return Line(record.time, FIRED, symbol, proceeds, "", f"sold {_shares(shares)} at {grouped(price)}")
        case _:
            return None


def _of_recent(recent: Recent) -> Line:
    command = recent.command
    detail = ""
    if recent.answer is not None and command.name in ("BUY", "SELL"):
        price, shares, cents = recent.answer
        detail = f"{_shares(shares)} at {grouped(price)}, {grouped(cents)} in all"
    return Line(recent.time, command.name, command.symbol, command.cents, recent.refusal, detail)


def _shares(number: int) -> str:
    return f"{number:,} share{'' if number == 1 else 's'}"
