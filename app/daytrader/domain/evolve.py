"""Evolve: what an event makes of an account. No rule is decided here, so that old records replay under newer rules."""

from collections.abc import Callable
from typing import Any

from daytrader.domain import event as ev
from daytrader.domain.account import STRANGERS, STRANGERS_WINDOW, WINDOW, Account, Order, Recent, Trigger, live
from daytrader.domain.record import Record


def _shares(holdings: dict[str, int], symbol: str, change: int) -> dict[str, int]:
    left = holdings.get(symbol, 0) + change
    if left < 0:
        raise AssertionError(f"{left} free shares of {symbol} would be held: a record contradicts the account")
    changed = {**holdings, symbol: left}
    if not left:
        del changed[symbol]
    return changed


def _without(triggers: dict[str, Trigger], symbol: str) -> dict[str, Trigger]:
    changed = triggers.copy()
    del changed[symbol]
    return changed


def _changed(
    a: Account,
    *,
    cents: int = 0,
    holdings: dict[str, int] | None = None,
    buys: tuple[Order, ...] | None = None,
    sells: tuple[Order, ...] | None = None,
    buy_triggers: dict[str, Trigger] | None = None,
    sell_triggers: dict[str, Trigger] | None = None,
) -> Account:
    """Return the account with `cents` more and the given parts in place of its own."""
    return Account(
        a.cents + cents,
        a.holdings if holdings is None else holdings,
        a.buys if buys is None else buys,
        a.sells if sells is None else sells,
        a.buy_triggers if buy_triggers is None else buy_triggers,
        a.sell_triggers if sell_triggers is None else sell_triggers,
        a.recent,
        a.forgotten,
    )


def _added(a: Account, e: ev.Added, _: int) -> Account:
    return _changed(a, cents=e.cents)


def _buy_placed(a: Account, e: ev.BuyPlaced, now: int) -> Account:
    return _changed(a, buys=(*live(a.buys, now), Order(e.symbol, e.price, e.shares, e.cost, now)))


def _buy_committed(a: Account, e: ev.BuyCommitted, now: int) -> Account:
    holdings = _shares(a.holdings, e.symbol, e.shares)
    return _changed(a, cents=-e.cost, holdings=holdings, buys=live(a.buys, now)[:-1])


def _buy_cancelled(a: Account, _: ev.BuyCancelled, now: int) -> Account:
    return _changed(a, buys=live(a.buys, now)[:-1])


def _sell_placed(a: Account, e: ev.SellPlaced, now: int) -> Account:
    return _changed(a, sells=(*live(a.sells, now), Order(e.symbol, e.price, e.shares, e.proceeds, now)))


def _sell_committed(a: Account, e: ev.SellCommitted, now: int) -> Account:
    holdings = _shares(a.holdings, e.symbol, -e.shares)
    return _changed(a, cents=e.proceeds, holdings=holdings, sells=live(a.sells, now)[:-1])


def _sell_cancelled(a: Account, _: ev.SellCancelled, now: int) -> Account:
    return _changed(a, sells=live(a.sells, now)[:-1])


def _buy_amount_set(a: Account, e: ev.BuyAmountSet, _: int) -> Account:
    old = a.buy_triggers.get(e.symbol)
    trigger = Trigger(e.amount, old.price if old else 0)
    return _changed(a, cents=-e.reserved, buy_triggers={**a.buy_triggers, e.symbol: trigger})


def _buy_trigger_set(a: Account, e: ev.BuyTriggerSet, _: int) -> Account:
    trigger = Trigger(a.buy_triggers[e.symbol].amount, e.price)
    return _changed(a, buy_triggers={**a.buy_triggers, e.symbol: trigger})


def _buy_trigger_cancelled(a: Account, e: ev.BuyTriggerCancelled, _: int) -> Account:
    return _changed(a, cents=e.released, buy_triggers=_without(a.buy_triggers, e.symbol))


def _sell_amount_set(a: Account, e: ev.SellAmountSet, _: int) -> Account:
    old = a.sell_triggers.get(e.symbol, Trigger(0))
    trigger = Trigger(e.amount, old.price, old.shares + e.reserved)
    holdings = _shares(a.holdings, e.symbol, -e.reserved) if e.reserved else None
    return _changed(a, holdings=holdings, sell_triggers={**a.sell_triggers, e.symbol: trigger})


def _sell_trigger_set(a: Account, e: ev.SellTriggerSet, _: int) -> Account:
    old = a.sell_triggers[e.symbol]
    trigger = Trigger(old.amount, e.price, old.shares + e.reserved)
    holdings = _shares(a.holdings, e.symbol, -e.reserved) if e.reserved else None
    return _changed(a, holdings=holdings, sell_triggers={**a.sell_triggers, e.symbol: trigger})


def _sell_trigger_cancelled(a: Account, e: ev.SellTriggerCancelled, _: int) -> Account:
    holdings = _shares(a.holdings, e.symbol, e.released) if e.released else None
    return _changed(a, holdings=holdings, sell_triggers=_without(a.sell_triggers, e.symbol))


def _buy_trigger_fired(a: Account, e: ev.BuyTriggerFired, _: int) -> Account:
    holdings = _shares(a.holdings, e.symbol, e.shares) if e.shares else None
    return _changed(a, cents=e.returned, holdings=holdings, buy_triggers=_without(a.buy_triggers, e.symbol))


def _sell_trigger_fired(a: Account, e: ev.SellTriggerFired, _: int) -> Account:
    return _changed(a, cents=e.proceeds, sell_triggers=_without(a.sell_triggers, e.symbol))


_EVOLVE: dict[type, Callable[[Account, Any, int], Account]] = {
    ev.Added: _added,
    ev.BuyPlaced: _buy_placed,
    ev.BuyCommitted: _buy_committed,
    ev.BuyCancelled: _buy_cancelled,
    ev.SellPlaced: _sell_placed,
    ev.SellCommitted: _sell_committed,
    ev.SellCancelled: _sell_cancelled,
    ev.BuyAmountSet: _buy_amount_set,
    ev.BuyTriggerSet: _buy_trigger_set,
    ev.BuyTriggerCancelled: _buy_trigger_cancelled,
    ev.SellAmountSet: _sell_amount_set,
    ev.SellTriggerSet: _sell_trigger_set,
    ev.SellTriggerCancelled: _sell_trigger_cancelled,
    ev.BuyTriggerFired: _buy_trigger_fired,
    ev.SellTriggerFired: _sell_trigger_fired,
}


def evolve(account: Account | None, event: ev.Event, now: int) -> Account:
    """Return the account after `event`, which happened at `now`; None stands for an account that does not exist yet."""
    after = _EVOLVE[type(event)](account or Account(), event, now)
    if after.cents < 0:
        raise AssertionError(f"free cash would be {after.cents} cents after {event}: a record contradicts the account")
    return after


def remember(account: Account, record: Record) -> Account:
    """Return the account with the command of `record` as its newest; the oldest beyond the window are forgotten."""
    command = record.command
    if command is None:
        return account
    event = record.event
    answer = None
    if type(event) is ev.BuyPlaced:
        answer = (event.price, event.shares, event.cost)
    elif type(event) is ev.SellPlaced:
        answer = (event.price, event.shares, event.proceeds)
    a = account
    kept = a.recent
    forgotten = a.forgotten
    if len(kept) >= (STRANGERS_WINDOW if record.account == STRANGERS else WINDOW):
        kept = kept[1:]
        forgotten = True
    # Concatenating copies a full window once; unpacking it into a new tuple would copy it twice, for every command.
    recent = kept + (Recent(record.request, record.time, command, record.refusal, answer),)  # noqa: RUF005
    return Account(a.cents, a.holdings, a.buys, a.sells, a.buy_triggers, a.sell_triggers, recent, forgotten)


def replay(account: Account | None, record: Record) -> Account | None:
    """Return the account after everything that `record` says of it; None while it does not exist."""
    if record.event is not None:
        account = evolve(account, record.event, record.time)
    elif account is None:
        account = Account() if record.account == STRANGERS else None
    return account and remember(account, record)
