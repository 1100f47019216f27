"""What can be done on the trader's page: each action is one command, and has words for what came of it."""

from typing import Final, Literal

import msgspec

from daytrader.domain.command import CommandName
from daytrader.transaction.message import Reply, Request
from daytrader.web.page.grouped import grouped

Place = Literal["deposit", "ticket", "pending", "triggers"]
"""The part of the page that has the form, and so the outcome."""


class Action(msgspec.Struct, frozen=True):
    """One action."""

    name: str
    """As in its address, `/trade/USER/NAME`."""
    command: CommandName
    place: Place
    words: str
    """What was done, with {symbol} and {amount} for what the command named."""


_ALL: Final = (
    Action("deposit", "ADD", "deposit", "{amount} came in."),
    Action("quote", "QUOTE", "ticket", "One share of {symbol} is {amount}."),
    Action("buy", "BUY", "ticket", "The buy of {symbol} is pending: commit it within 60 s."),
    Action("commit-buy", "COMMIT_BUY", "pending", "The buy is committed."),
    Action("cancel-buy", "CANCEL_BUY", "pending", "The buy is cancelled."),
    Action("sell", "SELL", "ticket", "The sell of {symbol} is pending: commit it within 60 s."),
    Action("commit-sell", "COMMIT_SELL", "pending", "The sell is committed."),
    Action("cancel-sell", "CANCEL_SELL", "pending", "The sell is cancelled."),
    Action("set-buy-amount", "SET_BUY_AMOUNT", "triggers", "The buy trigger on {symbol} is for {amount}."),
    Action("set-buy-price", "SET_BUY_TRIGGER", "triggers", "The buy trigger on {symbol} is armed at {amount}."),
    Action("cancel-buy-trigger", "CANCEL_SET_BUY", "triggers", "The buy trigger on {symbol} is gone."),
    Action("set-sell-amount", "SET_SELL_AMOUNT", "triggers", "The sell trigger on {symbol} is for {amount}."),
    Action("set-sell-price", "SET_SELL_TRIGGER", "triggers", "The sell trigger on {symbol} is armed at {amount}."),
    Action("cancel-sell-trigger", "CANCEL_SET_SELL", "triggers", "The sell trigger on {symbol} is gone."),
)

ACTIONS: Final = {one.name: one for one in _ALL}
"""Every action by its name."""


def done(action: Action, request: Request, reply: Reply) -> str:
    """Return what was done, in words, where `reply` accepted `request`."""
    command = request.command
    symbol, cents = ("", 0) if command is None else (command.symbol, command.cents)
    if action.command == "QUOTE":
        cents = int(reply.body.replace(b".", b""))
    if action.command in ("BUY", "SELL") and reply.answer is not None:
        price, shares, total = reply.answer
        return (
            f"Pending: {action.name} {shares:,} of {symbol} at {grouped(price)}, {grouped(total)} in all. "
            "Commit it within 60 s."
        )
    return action.words.format(symbol=symbol, amount=grouped(cents))
