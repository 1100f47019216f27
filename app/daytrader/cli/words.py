"""The API's answers in words, for the terminal."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from rich.table import Table

from daytrader.domain.money import dollars
from daytrader.web.api.account_events import Happening
from daytrader.web.api.answers import Account, History, PendingOrder, PlacedOrder, Trigger

__all__ = ["account", "dollars", "happening", "history", "placed_order"]

_NOTHING: Final = "-"


def account(told: Account) -> Table:
    """Return an account as a table."""
    table = Table(show_header=False)
    table.add_row("cash", dollars(told.cash_cents))
    table.add_row("reserved", dollars(told.reserved_cents))
    for holding in told.holdings:
        table.add_row(f"{holding.symbol}", f"{holding.shares:,} shares")
    _add(table, "buy trigger", map(_trigger, told.buy_triggers))
    _add(table, "sell trigger", map(_trigger, told.sell_triggers))
    _add(table, "pending buy", map(_pending, told.pending_buys))
    _add(table, "pending sell", map(_pending, told.pending_sells))
    return table


def history(told: History) -> Table:
    """Return a history as a table, the newest last."""
    table = Table("time (UTC)", "command", "stock", "amount", "outcome")
    table.columns[0].no_wrap = True
    for one in told.commands:
        table.add_row(
            _time(one.time_ms),
            one.command,
            one.symbol or _NOTHING,
            _NOTHING if one.amount_cents is None else dollars(one.amount_cents),
            one.refusal or "accepted",
        )
    return table


def happening(told: Happening) -> str:
    """Return what happened in a sentence."""
    parts = [_time(told.time_ms), told.what]
    if told.symbol is not None:
        parts.append(told.symbol)
    if told.amount_cents is not None:
        parts.append(dollars(told.amount_cents))
    if told.shares is not None and told.price_cents is not None:
        parts.append(f"({told.shares:,} shares at {dollars(told.price_cents)})")
    return f"{' '.join(parts)}: {told.refusal or 'accepted'}"


def placed_order(told: PlacedOrder, commit: str) -> str:
    """Return a placed order in a sentence; `commit` is the command that does it."""
    if told.price_cents is None or told.shares is None or told.total_cents is None:
        return f"placed: `daytrader {commit}` within 60 s of its placing does it"
    return (
        f"{told.shares:,} shares of {told.symbol} at {dollars(told.price_cents)}, {dollars(told.total_cents)} in all: "
        f"`daytrader {commit}` within 60 s does it"
    )


def _add(table: Table, name: str, rows: Iterable[str]) -> None:
    for row in rows:
        table.add_row(name, row)


def _trigger(one: Trigger) -> str:
    armed = "not armed" if one.price_cents is None else f"at {dollars(one.price_cents)}"
    return f"{one.symbol} for {dollars(one.amount_cents)}, {armed}"


def _pending(one: PendingOrder) -> str:
    return (
        f"{one.shares:,} {one.symbol} at {dollars(one.price_cents)}, {dollars(one.total_cents)} in all, "
        f"until {_time(one.expires_at_ms)} UTC"
    )


def _time(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1_000, UTC):%Y-%m-%d %H:%M:%S}"
