"""What the API answers as JSON, and how that comes of a decided command's reply."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from daytrader.domain.account import LIVE_MS
from daytrader.transaction.message import Reply, Request


class Receipt(msgspec.Struct, frozen=True):
    """The command took effect, and is durable."""

    request_id: Annotated[str, Meta(description="By which the log and the answers of the system know the command.")]


class Quote(msgspec.Struct, frozen=True):
    """What one share costs."""

    symbol: str
    price_cents: int
    asked_at_ms: Annotated[
        int | None,
        Meta(
            description="When the quote server was asked for it, in milliseconds since the epoch: its age counts from "
            "here. Null, as the next one, only from an earlier build, while a newer one takes its place."
        ),
    ]
    source: Annotated[
        Literal["server", "cache"] | None,
        Meta(description="`server`: it was bought for this command; `cache`: it was known already."),
    ]


class PlacedOrder(msgspec.Struct, frozen=True):
    """A pending order: commit it within 60 s, or it expires."""

    request_id: str
    symbol: str
    price_cents: Annotated[
        int | None,
        Meta(description="Of one share. Null, as the next two, only where an earlier build's order is sent again."),
    ]
    shares: int | None
    total_cents: Annotated[int | None, Meta(description="What committing it costs (a buy) or brings (a sell).")]


class Holding(msgspec.Struct, frozen=True):
    """Shares of one stock."""

    symbol: str
    shares: Annotated[int, Meta(description="Free ones; what a sell trigger reserves is not among them.")]


class Trigger(msgspec.Struct, frozen=True):
    """A buy or sell trigger on one stock."""

    symbol: str
    amount_cents: Annotated[int, Meta(description="To buy or sell for; a buy trigger reserves that much cash.")]
    price_cents: Annotated[int | None, Meta(description="At which it fires; null while it is not armed.")]


class PendingOrder(msgspec.Struct, frozen=True):
    """A buy or sell that can still be committed or cancelled."""

    symbol: str
    price_cents: int
    shares: int
    total_cents: Annotated[int, Meta(description="What committing it costs (a buy) or brings (a sell).")]
    placed_at_ms: Annotated[int, Meta(description="Milliseconds since the epoch.")]
    expires_at_ms: int


class Account(msgspec.Struct, frozen=True):
    """What a user has, what is reserved, and what is pending."""

    user: str
    cash_cents: Annotated[int, Meta(description="Free cash.")]
    reserved_cents: Annotated[int, Meta(description="Cash that buy triggers reserve.")]
    holdings: list[Holding]
    buy_triggers: list[Trigger]
    sell_triggers: list[Trigger]
    pending_buys: Annotated[
        list[PendingOrder], Meta(description="The newest last: that is the one which is committed or cancelled next.")
    ]
    pending_sells: list[PendingOrder]


class PastCommand(msgspec.Struct, frozen=True):
    """A command that was decided."""

    time_ms: Annotated[int, Meta(description="When, in milliseconds since the epoch.")]
    command: str
    symbol: str | None
    amount_cents: Annotated[
        int | None,
        Meta(
            description="The amount, or a trigger's price; null where the command takes none, or an invalid one came."
        ),
    ]
    accepted: bool
    refusal: Annotated[str | None, Meta(description="Why it was refused; null where it was accepted.")]


class History(msgspec.Struct, frozen=True):
    """The last 100 commands of a user."""

    user: str
    commands: Annotated[list[PastCommand], Meta(description="The newest last.")]


class _Investment(msgspec.Struct, frozen=True):
    stock: str
    amount: int


class _Trigger(msgspec.Struct, frozen=True):
    stock: str
    price_cents: int
    amount_cents: int
    is_sell: bool


class _Order(msgspec.Struct, frozen=True):
    stock: str
    price_cents: int
    shares: int
    cents: int
    time: int


class _Past(msgspec.Struct, frozen=True):
    time: int
    command: str
    stock: str
    amount_cents: int
    outcome: str


class _Summary(msgspec.Struct, frozen=True):
    """What DISPLAY_SUMMARY answers."""

    cents: int
    investments: list[_Investment]
    triggers: list[_Trigger]
    reserved_cents: int
    pending_buys: list[_Order]
    pending_sells: list[_Order]
    history: list[_Past]


_decode_summary = msgspec.json.Decoder(_Summary).decode


def receipt(request: Request, _: Reply) -> Receipt:
    """Return the answer to a command that answers nothing of its own."""
    return Receipt(request.id)


def quote(request: Request, reply: Reply) -> Quote:
    """Return the answer to a QUOTE."""
    price = int(reply.body.replace(b".", b""))
    if reply.answer is None:
        return Quote(_symbol(request), price, None, None)
    _, asked_at, bought = reply.answer
    return Quote(_symbol(request), price, asked_at, "server" if bought else "cache")


def placed_order(request: Request, reply: Reply) -> PlacedOrder:
    """Return the answer to a BUY or SELL."""
    price, shares, total = reply.answer or (None, None, None)
    return PlacedOrder(request.id, _symbol(request), price, shares, total)


def account(request: Request, reply: Reply) -> Account:
    """Return the answer to a DISPLAY_SUMMARY, without the history."""
    summary = _decode_summary(reply.body)
    return Account(
        user=_user(request),
        cash_cents=summary.cents,
        reserved_cents=summary.reserved_cents,
        holdings=[Holding(one.stock, one.amount) for one in summary.investments],
        buy_triggers=[_shown_trigger(one) for one in summary.triggers if not one.is_sell],
        sell_triggers=[_shown_trigger(one) for one in summary.triggers if one.is_sell],
        pending_buys=[_shown_order(one) for one in summary.pending_buys],
        pending_sells=[_shown_order(one) for one in summary.pending_sells],
    )


def history(request: Request, reply: Reply) -> History:
    """Return the history out of the answer to a DISPLAY_SUMMARY."""
    past = _decode_summary(reply.body).history
    return History(_user(request), [_shown_command(one) for one in past])


def _shown_trigger(one: _Trigger) -> Trigger:
    return Trigger(one.stock, one.amount_cents, one.price_cents or None)


def _shown_order(one: _Order) -> PendingOrder:
    return PendingOrder(one.stock, one.price_cents, one.shares, one.cents, one.time, one.time + LIVE_MS)


def _shown_command(one: _Past) -> PastCommand:
    accepted = one.outcome == "accepted"
    return PastCommand(
        one.time, one.command, one.stock or None, one.amount_cents or None, accepted, None if accepted else one.outcome
    )


def _user(request: Request) -> str:
    return request.command.user if request.command is not None else ""


def _symbol(request: Request) -> str:
    return request.command.symbol if request.command is not None else ""
