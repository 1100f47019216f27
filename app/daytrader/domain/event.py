"""What a command (or a firing trigger) did to an account: the facts that the journal keeps and replays.

Cents and shares are what moved, so that replaying them needs no rule and no quote.
"""

import msgspec


class _Event(msgspec.Struct, frozen=True, array_like=True, gc=False, tag_field="event"):
    pass


class Added(_Event, frozen=True, tag=1):
    """Cash came in; the account is new if there was none."""

    cents: int


class BuyPlaced(_Event, frozen=True, tag=2):
    """A pending buy was pushed; no cash moved yet."""

    symbol: str
    price: int
    shares: int
    cost: int


class BuyCommitted(_Event, frozen=True, tag=3):
    """The newest pending buy was paid."""

    symbol: str
    shares: int
    cost: int


class BuyCancelled(_Event, frozen=True, tag=4):
    """The newest pending buy was dropped."""


class SellPlaced(_Event, frozen=True, tag=5):
    """A pending sell was pushed; no share moved yet."""

    symbol: str
    price: int
    shares: int
    proceeds: int


class SellCommitted(_Event, frozen=True, tag=6):
    """The newest pending sell was carried out."""

    symbol: str
    shares: int
    proceeds: int


class SellCancelled(_Event, frozen=True, tag=7):
    """The newest pending sell was dropped."""


class BuyAmountSet(_Event, frozen=True, tag=8):
    """A buy trigger's reserve became `amount` cents; `reserved` of them (may be negative) came out of free cash."""

    symbol: str
    amount: int
    reserved: int


class BuyTriggerSet(_Event, frozen=True, tag=9):
    """A buy trigger was armed, or got a new price in cents."""

    symbol: str
    price: int


class BuyTriggerCancelled(_Event, frozen=True, tag=10):
    """A buy trigger went, and its whole reserve of `released` cents went back to free cash."""

    symbol: str
    released: int


class SellAmountSet(_Event, frozen=True, tag=11):
    """A sell trigger is for `amount` cents; `reserved` shares (0 unless armed; may be negative) left the free ones."""

    symbol: str
    amount: int
    reserved: int


class SellTriggerSet(_Event, frozen=True, tag=12):
    """A sell trigger was armed or got a new price in cents; `reserved` shares (may be negative) left the free ones."""

    symbol: str
    price: int
    reserved: int


class SellTriggerCancelled(_Event, frozen=True, tag=13):
    """A sell trigger went, and its `released` reserved shares went back to the free ones."""

    symbol: str
    released: int


class BuyTriggerFired(_Event, frozen=True, tag=14):
    """A buy trigger bought `shares` for `cost` cents; `returned` cents of its reserve went back to free cash."""

    symbol: str
    price: int
    shares: int
    cost: int
    returned: int


class SellTriggerFired(_Event, frozen=True, tag=15):
    """A sell trigger sold its `shares` reserved shares for `proceeds` cents."""

    symbol: str
    price: int
    shares: int
    proceeds: int


Event = (
    Added
    | BuyPlaced
    | BuyCommitted
    | BuyCancelled
    | SellPlaced
    | SellCommitted
    | SellCancelled
    | BuyAmountSet
    | BuyTriggerSet
    | BuyTriggerCancelled
    | SellAmountSet
    | SellTriggerSet
    | SellTriggerCancelled
    | BuyTriggerFired
    | SellTriggerFired
)

TriggerEvent = (
    BuyTriggerSet | BuyTriggerCancelled | SellTriggerSet | SellTriggerCancelled | BuyTriggerFired | SellTriggerFired
)
"""The events after which a trigger is armed, or armed no more, or at another price."""


def cash_change(event: Event | None) -> int:
    """Return the net change of free cash in cents: what the log calls an accountTransaction (none where it is 0)."""
    match event:
        case Added(cents):
            return cents
        case BuyCommitted(_, _, cost):
            return -cost
        case SellCommitted(_, _, proceeds) | SellTriggerFired(_, _, _, proceeds):
            return proceeds
        case BuyAmountSet(_, _, reserved):
            return -reserved
        case BuyTriggerCancelled(_, released):
            return released
        case BuyTriggerFired(_, _, _, _, returned):
            return returned
        case _:
            return 0
