"""Breaking an installation on purpose, to see that nothing is lost: what can be broken, and what was."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import msgspec

DEEDS_KEPT: Final = 8


class Breakage(msgspec.Struct, frozen=True):
    """Something that can be done."""

    name: str
    """What it is asked for by."""
    group: str
    """What it stands under: "Services" for example."""
    label: str
    """What the button says."""
    says: str
    """What will happen, and what users will feel of it."""
    mends: bool = False
    """Whether it puts right what another one broke."""


class Deed(msgspec.Struct, frozen=True):
    """Something that was done, and how far the journal was just before."""

    at: int
    """ms since the epoch."""
    did: str
    """What was done, in words."""
    records: Mapping[str, int]
    """Records in the journal, all acknowledged or about to be, by partition."""


class BreakageError(Exception):
    """It could not be done; the message says why."""


class Breaking(Protocol):
    """What an installation offers to break."""

    async def offers(self) -> Sequence[Breakage]:
        """Return what can be done at present. Raises BreakageError."""

    async def do(self, name: str, records: Mapping[str, int]) -> str:
        """Do it, or begin to, with the journal at `records`; returns what was done, in words. Raises BreakageError."""

    async def deeds(self) -> Sequence[Deed]:
        """Return what was done lately, the newest first. Raises BreakageError."""


class Deeds:
    """The last few deeds."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._deeds: deque[Deed] = deque(maxlen=DEEDS_KEPT)

    def note(self, did: str, records: Mapping[str, int]) -> str:
        """Keep what was done now, and return it."""
        self._deeds.appendleft(Deed(self._clock(), did, dict(records)))
        return did

    def all(self) -> Sequence[Deed]:
        """Return them, the newest first."""
        return tuple(self._deeds)


QUOTES: Final = (
    Breakage(
        "quotes slow",
        "Quotes",
        "Slow quotes",
        "Every answer of the mock quote server takes 3 s longer: who needs a quote that nobody has asked for within a "
        "minute waits, and everybody else goes on.",
    ),
    Breakage(
        "quotes failing",
        "Quotes",
        "Failing quotes",
        "The mock quote server closes every connection without an answer: QUOTE, BUY and SELL of symbols that nobody "
        "has asked for within a minute are answered 503, and cost nothing; everything else goes on.",
    ),
    Breakage("quotes well", "Quotes", "Quotes well again", "The mock quote server answers as before.", mends=True),
)
