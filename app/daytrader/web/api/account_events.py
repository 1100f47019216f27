"""What the streams tell, as JSON."""

from typing import Annotated

import msgspec
from msgspec import Meta

from daytrader.domain import account as domain
from daytrader.domain import quote as quotes
from daytrader.domain.event import BuyTriggerFired, SellTriggerFired, cash_change
from daytrader.journal.entry import transaction_number
from daytrader.transaction.feed import Happened
from daytrader.web.account_stream import AccountUpdate
from daytrader.web.api.answers import Account, Holding, PendingOrder, Trigger


class Happening(msgspec.Struct, frozen=True):
    """A command that was decided, or a trigger that fired."""

    transaction: Annotated[int, Meta(description="Its number in the log; grows with each.")]
    time_ms: Annotated[int, Meta(description="When, in milliseconds since the epoch.")]
    what: Annotated[str, Meta(description="The command's name, or BUY_TRIGGER_FIRED or SELL_TRIGGER_FIRED.")]
    symbol: str | None
    amount_cents: Annotated[int | None, Meta(description="The command's amount, or a trigger's price.")]
    accepted: bool
    refusal: Annotated[str | None, Meta(description="Why it was refused; null where it was accepted.")]
    price_cents: Annotated[int | None, Meta(description="Of one share, where it was bought, sold, or an order placed.")]
    shares: Annotated[int | None, Meta(description="How many shares were bought, sold, or ordered.")]
    cash_change_cents: Annotated[int, Meta(description="By how much the free cash changed.")]
    request_id: Annotated[str | None, Meta(description="By which the log knows the command; null of a trigger.")]


class AccountEvent(msgspec.Struct, frozen=True):
    """The account as it is, and what happened since the event before."""

    account: Annotated[Account | None, Meta(description="Null: there is no such user (yet).")]
    happened: Annotated[list[Happening], Meta(description="In order, none twice; of a snapshot: nothing.")]
    now_ms: Annotated[int, Meta(description="When this was told, in milliseconds since the epoch.")]


class QuoteEvent(msgspec.Struct, frozen=True):
    """The newest price that the system knows of a symbol."""

    symbol: str
    price_cents: int
    asked_at_ms: Annotated[int, Meta(description="When the quote server was asked for it: its age counts from here.")]


def account_event(user: str, update: AccountUpdate, partitions: int) -> AccountEvent:
    """Return what an update tells."""
    account = None if update.account is None else shown_account(user, update.account, update.now)
    partition = update.id.partition
    happened = [_happening(one, transaction_number(partition, one.number, partitions)) for one in update.happened]
    return AccountEvent(account, happened, update.now)


def quote_event(quote: quotes.Quote) -> QuoteEvent:
    """Return what a quote tells."""
    return QuoteEvent(quote.symbol, quote.price, quote.asked_at)


def shown_account(user: str, account: domain.Account, now: int) -> Account:
    """Return the account as `showAccount` answers it at `now` (ms since the epoch)."""
    return Account(
        user=user,
        cash_cents=account.cents,
        reserved_cents=account.reserved_cents,
        holdings=[Holding(symbol, shares) for symbol, shares in account.holdings.items()],
        buy_triggers=_triggers(account.buy_triggers),
        sell_triggers=_triggers(account.sell_triggers),
        pending_buys=[_order(order) for order in domain.live(account.buys, now)],
        pending_sells=[_order(order) for order in domain.live(account.sells, now)],
    )


def _triggers(triggers: dict[str, domain.Trigger]) -> list[Trigger]:
    return [Trigger(symbol, trigger.amount, trigger.price or None) for symbol, trigger in triggers.items()]


def _order(order: domain.Order) -> PendingOrder:
    return PendingOrder(order.symbol, order.price, order.shares, order.cents, order.time, order.time + domain.LIVE_MS)


def _happening(one: Happened, transaction: int) -> Happening:
    record = one.record
    event = record.event
    command = record.command
    what, symbol, cents = "", getattr(event, "symbol", None), None
    if command is not None:
        what, symbol, cents = command.name, command.symbol or None, command.cents or None
    elif isinstance(event, BuyTriggerFired):
        what = "BUY_TRIGGER_FIRED"
    elif isinstance(event, SellTriggerFired):
        what = "SELL_TRIGGER_FIRED"
    return Happening(
        transaction=transaction,
        time_ms=record.time,
        what=what,
        symbol=symbol or getattr(event, "symbol", None),
        amount_cents=cents,
        accepted=not record.refusal,
        refusal=record.refusal or None,
        price_cents=getattr(event, "price", None) if hasattr(event, "shares") else None,
        shares=getattr(event, "shares", None),
        cash_change_cents=cash_change(event),
        request_id=record.request or None,
    )
