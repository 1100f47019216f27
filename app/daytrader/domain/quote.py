"""A price that the quote server gave, and what a hit on that server leaves in the log."""

from typing import Final

import msgspec

VALID_MS: Final = 60_000
"""A quote is valid for less than this many ms after it was asked for."""


class Quote(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The price of one share of `symbol`, in cents (always positive)."""

    symbol: str
    price: int
    asked_at: int
    """When the request was sent, ms since the epoch by the asker's clock: the quote's age counts from here."""
    server_time: int
    """The quote server's own timestamp in ms; only logged, never compared."""

    def valid(self, now: int) -> bool:
        """Whether the quote may still be used at `now` (ms since the epoch)."""
        return now - self.asked_at < VALID_MS


class Hit(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One paid answer of the quote server: a quoteServer event in the log, whether or not it was of use."""

    symbol: str
    user: str
    price: int
    """Cents; 0 where the server gave a price of zero, which is no quote but costs the same."""
    server_time: int
    cryptokey: str
