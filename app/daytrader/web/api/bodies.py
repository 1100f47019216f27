"""What requests bring as JSON. Money is whole cents, as everywhere in this API.

Bounds stand in the schema for clients to read and are not checked here: a value outside of them is a command like any
other, refused where the user's order is known, with its place in the log.
"""

from typing import Annotated, Final

import msgspec

from daytrader.domain.money import LARGEST_CENTS

_MONEY: Final = {"minimum": 1, "maximum": LARGEST_CENTS}

USER_SCHEMA: Final = {"pattern": "^[A-Za-z0-9]{1,64}$"}
SYMBOL_SCHEMA: Final = {"pattern": "^[A-Z]{1,3}$"}

Cents = Annotated[int, msgspec.Meta(description="Whole cents: 1250 is 12.50.", extra_json_schema=_MONEY)]
User = Annotated[str, msgspec.Meta(description="The user's id.", extra_json_schema=USER_SCHEMA)]
Symbol = Annotated[str, msgspec.Meta(description="The stock's symbol.", extra_json_schema=SYMBOL_SCHEMA)]


class Amount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An amount of money."""

    amount_cents: Cents


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A price of one share."""

    price_cents: Cents


class NewOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order for as many shares as the amount pays for at the quote."""

    symbol: Symbol
    amount_cents: Cents


Body = Amount | Price | NewOrder


def symbol_and_cents(body: Body) -> tuple[str, int]:
    """Return the symbol ("" where the body names none) and the cents that `body` brings."""
    if isinstance(body, NewOrder):
        return body.symbol, body.amount_cents
    return "", body.amount_cents if isinstance(body, Amount) else body.price_cents
