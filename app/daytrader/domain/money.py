"""Money: whole cents, written as dollars with two decimals; nothing is ever rounded."""

from typing import Final

LARGEST_CENTS: Final = 10**15
"""The largest amount a command may name and the largest balance an account may hold, in cents."""


def dollars(cents: int) -> str:
    """Write cents as dollars: 1234 -> "12.34"."""
    whole, rest = divmod(cents, 100)
    return f"{whole}.{rest:02d}"
