"""Prices on the command line."""

from decimal import Decimal

import click

from daytrader.domain.money import LARGEST_CENTS


class Price(click.ParamType[int]):
    """Dollars with two decimals, as cents."""

    name = "DOLLARS"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        text = str(value)
        whole, _, rest = text.partition(".")
        if not (whole.isdecimal() and rest.isdecimal() and len(rest) == 2 and text.isascii()):
            self.fail(f"{text!r} is not dollars with two decimals, as in 5.00", param, ctx)
        cents = int(Decimal(text) * 100)
        if not 0 < cents <= LARGEST_CENTS:
            self.fail(f"{text} is not between 0.01 and {LARGEST_CENTS // 100}.00", param, ctx)
        return cents
