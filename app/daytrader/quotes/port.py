"""What the quote source stands on: the quote server, and a cache that the replicas share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from daytrader.domain.quote import Hit, Quote

Clock = Callable[[], int]
"""The time now, in ms since the epoch."""

OnStrayHit = Callable[[Hit], None]
"""Takes a paid answer that no command can carry, so that it is logged under a number of its own. Must not raise."""


class QuoteUnavailable(Exception):
    """No quote could be had; the text says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Answer(NamedTuple):
    """What the quote server gave: the quote, and the paid hit that it was."""

    quote: Quote
    hit: Hit


class QuoteServer(Protocol):
    """Where quotes are bought."""

    @property
    def error(self) -> str:
        """Why the last request gave no quote; empty where it did."""
        ...

    async def ask(self, symbol: str, user: str, on_sent: Callable[[], None]) -> Answer:
        """Buy a quote of `symbol` in the name of `user`.

        `on_sent` is called when the request is sent: the quote's age counts from there. A hit that is not
        returned, the caller's having been cancelled included, is reported as stray.

        Raises:
            QuoteUnavailable: no usable answer within the time limit.
        """
        ...

    async def close(self) -> None:
        """Wait (with a time limit) for the answers that are still to be paid for."""
        ...


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to ask the quote server for `symbol`, which no other replica holds meanwhile if it can be helped."""

    symbol: str
    token: str
    """Names the holder."""


class QuoteCache(Protocol):
    """Quotes that the replicas share, and the agreement on which of them asks for one.

    Never raises and never waits long: without it every replica asks for itself, which costs more and is right.
    """

    @property
    def available(self) -> bool:
        """Whether it answered when last used."""
        ...

    @property
    def error(self) -> str:
        """What is wrong with it; empty while it is available."""
        ...

    async def quote_or_claim(self, symbol: str) -> Quote | Claim:
        """The shared quote of `symbol` if it is valid, else the right to ask.

        While another replica holds that right, waits for its quote, with a time limit.
        """
        ...

    async def put(self, quote: Quote, claim: Claim | None) -> None:
        """Share `quote`, unless a newer one is there, and give `claim` back."""
        ...

    async def release(self, claim: Claim) -> None:
        """Give `claim` back without a quote, so that another replica may try."""
        ...

    async def check(self) -> None:
        """Find out whether it answers, for `available` and `error`."""
        ...

    async def close(self) -> None:
        """Let go of its connections."""
        ...
