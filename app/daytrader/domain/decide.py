"""Decide: what a command does to an account. Quotients are floored; what is left over stays the user's."""

from collections.abc import Callable
from typing import Final

from daytrader.domain import event as ev
from daytrader.domain import refusal
from daytrader.domain.account import DEEPEST_STACK, LARGEST_SHARES, Account, Trigger, live
from daytrader.domain.command import QUOTED_COMMANDS, Command
from daytrader.domain.money import LARGEST_CENTS
from daytrader.domain.quote import Quote

Outcome = ev.Event | str | None
"""What happened; or the text of the refusal; or None where the command is accepted and changes nothing."""

_UNARMED: Final = Trigger(0)


def needs_quote(account: Account | None, command: Command) -> bool:
    """Whether it is decided with a quote: a valid QUOTE, BUY, SELL or SET_SELL_AMOUNT of an existing user."""
    return command.name in QUOTED_COMMANDS and account is not None and not command.faults


def decide(account: Account | None, command: Command, quote: Quote | None, now: int) -> Outcome:
    """Decide `command` at `now` (ms since the epoch).

    `account` is None for a user who was never added. `quote` is a valid quote of the symbol where `needs_quote`
    says so, None where there is none to be had. Pure: the same arguments give the same outcome.
    """
    if command.faults:
        return command.faults[0].refusal
    if command.name == "ADD":
        return _add(account, command)
    if command.name == "DUMPLOG" and not command.user:
        return None
    if account is None:
        return refusal.NO_USER
    if command.name in QUOTED_COMMANDS:
        if quote is None:
            return refusal.NO_QUOTE
        return _WITH_QUOTE[command.name](account, command, quote.price, now)
    return _PLAIN[command.name](account, command, now)


def fire_buy(account: Account, symbol: str, quote: Quote) -> ev.BuyTriggerFired | None:
    """Return what the buy trigger on `symbol` does at `quote`, None where it does not fire.

    One that would lift the holding over the largest one stays armed.
    """
    trigger = account.buy_triggers.get(symbol, _UNARMED)
    if not trigger.price or quote.price > trigger.price:
        return None
    shares = trigger.amount // quote.price
    if not _holds(account, symbol, shares):
        return None
    cost = shares * quote.price
    return ev.BuyTriggerFired(symbol, quote.price, shares, cost, trigger.amount - cost)


def fire_sell(account: Account, symbol: str, quote: Quote) -> ev.SellTriggerFired | None:
    """Return what the sell trigger on `symbol` does at `quote`, None where it does not fire.

    One whose proceeds would lift the balance over the largest amount stays armed.
    """
    trigger = account.sell_triggers.get(symbol, _UNARMED)
    if not trigger.price or quote.price < trigger.price:
        return None
    proceeds = trigger.shares * quote.price
    if not _fits(account, proceeds):
        return None
    return ev.SellTriggerFired(symbol, quote.price, trigger.shares, proceeds)


def _fits(account: Account, cents: int) -> bool:
    """Whether the balance, reserved cash included so that it can always come back, stays within the largest amount."""
    return account.cents + account.reserved_cents + cents <= LARGEST_CENTS


def _holds(account: Account, symbol: str, shares: int) -> bool:
    """Whether so many more shares, besides the free and the reserved ones, stay within the largest holding."""
    reserved = account.sell_triggers.get(symbol, _UNARMED).shares
    return account.holdings.get(symbol, 0) + reserved + shares <= LARGEST_SHARES


def _add(account: Account | None, c: Command) -> Outcome:
    if account is not None and not _fits(account, c.cents):
        return refusal.AMOUNT_TOO_LARGE
    return ev.Added(c.cents)


def _quote(_a: Account, _c: Command, _price: int, _now: int) -> Outcome:
    return None


def _summary(_a: Account, _c: Command, _now: int) -> Outcome:
    return None


def _dumplog(_a: Account, _c: Command, _now: int) -> Outcome:
    return None


def _buy(a: Account, c: Command, price: int, now: int) -> Outcome:
    if price > c.cents:
        return refusal.BUY_BELOW_PRICE
    if a.cents < c.cents:
        return refusal.NO_FUNDS
    if len(live(a.buys, now)) >= DEEPEST_STACK:
        return refusal.STACK_FULL
    shares = c.cents // price
    return ev.BuyPlaced(c.symbol, price, shares, shares * price)


def _commit_buy(a: Account, _c: Command, now: int) -> Outcome:
    orders = live(a.buys, now)
    if not orders:
        return refusal.STACK_EMPTY
    order = orders[-1]
    if a.cents < order.cents:
        return refusal.NO_FUNDS
    if not _holds(a, order.symbol, order.shares):
        return refusal.AMOUNT_TOO_LARGE
    return ev.BuyCommitted(order.symbol, order.shares, order.cents)


def _cancel_buy(a: Account, _c: Command, now: int) -> Outcome:
    return ev.BuyCancelled() if live(a.buys, now) else refusal.STACK_EMPTY


def _sell(a: Account, c: Command, price: int, now: int) -> Outcome:
    if price > c.cents:
        return refusal.SELL_BELOW_PRICE
    shares = c.cents // price
    if a.holdings.get(c.symbol, 0) < shares:
        return refusal.NO_SHARES
    if len(live(a.sells, now)) >= DEEPEST_STACK:
        return refusal.STACK_FULL
    return ev.SellPlaced(c.symbol, price, shares, shares * price)


def _commit_sell(a: Account, _c: Command, now: int) -> Outcome:
    orders = live(a.sells, now)
    if not orders:
        return refusal.STACK_EMPTY
    order = orders[-1]
    if a.holdings.get(order.symbol, 0) < order.shares:
        return refusal.NO_SHARES
    if not _fits(a, order.cents):
        return refusal.AMOUNT_TOO_LARGE
    return ev.SellCommitted(order.symbol, order.shares, order.cents)


def _cancel_sell(a: Account, _c: Command, now: int) -> Outcome:
    return ev.SellCancelled() if live(a.sells, now) else refusal.STACK_EMPTY


def _set_buy_amount(a: Account, c: Command, _now: int) -> Outcome:
    trigger = a.buy_triggers.get(c.symbol, _UNARMED)
    if a.cents + trigger.amount < c.cents:
        return refusal.NO_FUNDS
    if c.cents < trigger.price:
        return refusal.AMOUNT_BELOW_TRIGGER
    if c.cents == trigger.amount:
        return None
    return ev.BuyAmountSet(c.symbol, c.cents, c.cents - trigger.amount)


def _set_buy_trigger(a: Account, c: Command, _now: int) -> Outcome:
    trigger = a.buy_triggers.get(c.symbol)
    if trigger is None or c.cents > trigger.amount:
        return refusal.NO_BUY_TRIGGER
    return None if c.cents == trigger.price else ev.BuyTriggerSet(c.symbol, c.cents)


def _cancel_set_buy(a: Account, c: Command, _now: int) -> Outcome:
    trigger = a.buy_triggers.get(c.symbol)
    return ev.BuyTriggerCancelled(c.symbol, trigger.amount) if trigger else refusal.NO_TRIGGER


def _set_sell_amount(a: Account, c: Command, price: int, _now: int) -> Outcome:
    trigger = a.sell_triggers.get(c.symbol, _UNARMED)
    spare = a.holdings.get(c.symbol, 0) + trigger.shares
    if spare < c.cents // price:
        return refusal.NO_STOCKS
    if c.cents < trigger.price:
        return refusal.AMOUNT_BELOW_TRIGGER
    reserve = c.cents // trigger.price if trigger.price else 0
    if spare < reserve:
        return refusal.NO_STOCKS
    if c.cents == trigger.amount:
        return None
    return ev.SellAmountSet(c.symbol, c.cents, reserve - trigger.shares)


def _set_sell_trigger(a: Account, c: Command, _now: int) -> Outcome:
    trigger = a.sell_triggers.get(c.symbol)
    if trigger is None:
        return refusal.NO_SELL_AMOUNT
    if c.cents > trigger.amount:
        return refusal.PRICE_ABOVE_AMOUNT
    reserve = trigger.amount // c.cents
    if reserve > a.holdings.get(c.symbol, 0) + trigger.shares:
        return refusal.NO_STOCKS
    return None if c.cents == trigger.price else ev.SellTriggerSet(c.symbol, c.cents, reserve - trigger.shares)


def _cancel_set_sell(a: Account, c: Command, _now: int) -> Outcome:
    trigger = a.sell_triggers.get(c.symbol)
    return ev.SellTriggerCancelled(c.symbol, trigger.shares) if trigger else refusal.NO_TRIGGER


_WITH_QUOTE: Final[dict[str, Callable[[Account, Command, int, int], Outcome]]] = {
    "QUOTE": _quote,
    "BUY": _buy,
    "SELL": _sell,
    "SET_SELL_AMOUNT": _set_sell_amount,
}

_PLAIN: Final[dict[str, Callable[[Account, Command, int], Outcome]]] = {
    "COMMIT_BUY": _commit_buy,
    "CANCEL_BUY": _cancel_buy,
    "COMMIT_SELL": _commit_sell,
    "CANCEL_SELL": _cancel_sell,
    "SET_BUY_AMOUNT": _set_buy_amount,
    "SET_BUY_TRIGGER": _set_buy_trigger,
    "CANCEL_SET_BUY": _cancel_set_buy,
    "SET_SELL_TRIGGER": _set_sell_trigger,
    "CANCEL_SET_SELL": _cancel_set_sell,
    "DISPLAY_SUMMARY": _summary,
    "DUMPLOG": _dumplog,
}
