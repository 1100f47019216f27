"""The table of operations: which method at which path gives which command, what it takes and what it answers.

The routes and the OpenAPI document are both made of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from daytrader.domain.command import CommandName
from daytrader.transaction.message import Reply, Request
from daytrader.web.api import answers
from daytrader.web.api.answers import Account, History, PlacedOrder, Quote, Receipt
from daytrader.web.api.bodies import Amount, Body, NewOrder, Price

PREFIX: Final = "/api/v1"

Method = Literal["GET", "POST", "PUT", "DELETE"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that a client can do: it gives one command."""

    id: str
    method: Method
    path: str
    """Below `PREFIX`; `{user}` and `{symbol}` are the command's."""
    command: CommandName
    says: str
    """What it does, in a sentence."""
    answer: type[msgspec.Struct]
    answered: Callable[[Request, Reply], msgspec.Struct]
    """Makes the answer of the reply to an accepted command."""
    body: type[Body] | None = None
    status: int = 200


@dataclass(frozen=True, slots=True)
class LogOperation:
    """A log to be had as XML: the command is DUMPLOG."""

    id: str
    path: str
    """Below `PREFIX`; with `{user}` it is that user's log, without it everybody's."""
    says: str


def _receipt(
    id_: str, method: Method, path: str, command: CommandName, says: str, body: type[Body] | None = None
) -> Operation:
    return Operation(id_, method, path, command, says, Receipt, answers.receipt, body)


def _order(id_: str, path: str, command: CommandName, says: str) -> Operation:
    return Operation(id_, "POST", path, command, says, PlacedOrder, answers.placed_order, NewOrder, 201)


_USER: Final = "/accounts/{user}"
_BUYS: Final = f"{_USER}/buys"
_SELLS: Final = f"{_USER}/sells"
_BUY_TRIGGER: Final = f"{_USER}/buy-triggers/{{symbol}}"
_SELL_TRIGGER: Final = f"{_USER}/sell-triggers/{{symbol}}"

_SHOW_ACCOUNT: Final = "Show cash, holdings, triggers and pending orders."
_SHOW_HISTORY: Final = "Show the last 100 commands and what became of them."
_DEPOSIT: Final = "Add cash; the first deposit makes the account."
_QUOTE: Final = "Ask what a share costs; the price is less than 60 s old."
_BUY: Final = "Place a buy at the quote. Cash changes when it is committed, within 60 s."
_SELL: Final = "Place a sell at the quote. Shares change when it is committed, within 60 s."
_BUY_AMOUNT: Final = "Make a buy trigger, or change its amount, which it reserves out of the cash."
_BUY_PRICE: Final = "Arm the buy trigger: it buys, once, when a quote is at this price or below."
_SELL_AMOUNT: Final = "Make a sell trigger, or change its amount."
_SELL_PRICE: Final = "Arm the sell trigger: it reserves its shares and sells them, once, at this price or above."
_CANCEL_BUY: Final = "Remove the buy trigger; the cash that it reserves comes back."
_CANCEL_SELL: Final = "Remove the sell trigger; the shares that it reserves come back."

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation("showAccount", "GET", _USER, "DISPLAY_SUMMARY", _SHOW_ACCOUNT, Account, answers.account),
    Operation("showHistory", "GET", f"{_USER}/history", "DISPLAY_SUMMARY", _SHOW_HISTORY, History, answers.history),
    _receipt("deposit", "POST", f"{_USER}/deposits", "ADD", _DEPOSIT, Amount),
    Operation("quote", "GET", f"{_USER}/quotes/{{symbol}}", "QUOTE", _QUOTE, Quote, answers.quote),
    _order("buy", _BUYS, "BUY", _BUY),
    _receipt("commitBuy", "POST", f"{_BUYS}/commit", "COMMIT_BUY", "Commit the newest pending buy."),
    _receipt("cancelBuy", "POST", f"{_BUYS}/cancel", "CANCEL_BUY", "Cancel the newest pending buy."),
    _order("sell", _SELLS, "SELL", _SELL),
    _receipt("commitSell", "POST", f"{_SELLS}/commit", "COMMIT_SELL", "Commit the newest pending sell."),
    _receipt("cancelSell", "POST", f"{_SELLS}/cancel", "CANCEL_SELL", "Cancel the newest pending sell."),
    _receipt("setBuyAmount", "PUT", f"{_BUY_TRIGGER}/amount", "SET_BUY_AMOUNT", _BUY_AMOUNT, Amount),
    _receipt("setBuyPrice", "PUT", f"{_BUY_TRIGGER}/price", "SET_BUY_TRIGGER", _BUY_PRICE, Price),
    _receipt("cancelBuyTrigger", "DELETE", _BUY_TRIGGER, "CANCEL_SET_BUY", _CANCEL_BUY),
    _receipt("setSellAmount", "PUT", f"{_SELL_TRIGGER}/amount", "SET_SELL_AMOUNT", _SELL_AMOUNT, Amount),
    _receipt("setSellPrice", "PUT", f"{_SELL_TRIGGER}/price", "SET_SELL_TRIGGER", _SELL_PRICE, Price),
    _receipt("cancelSellTrigger", "DELETE", _SELL_TRIGGER, "CANCEL_SET_SELL", _CANCEL_SELL),
)
"""Committing and cancelling an order are POSTs, for each takes another order; those on triggers can be repeated."""

OF_COMMAND: Final[dict[CommandName, Operation]] = {one.command: one for one in reversed(OPERATIONS)}
"""The operation by which a batch answers a command: the first of the table."""

LOGS: Final = (
    LogOperation("userLog", f"{_USER}/log", "Get the user's log: all that was acknowledged before is in it."),
    LogOperation("wholeLog", "/log", "Get everybody's log: all that was acknowledged before is in it."),
)
