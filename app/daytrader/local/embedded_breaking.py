"""Breaking the embedded mode on purpose: it is one process, so that its quotes alone can be broken."""

from collections.abc import Callable, Mapping, Sequence

from daytrader.quotes.mock import MockQuoteServer
from daytrader.quotes.mock_behaviour import mood_of
from daytrader.web.ops.breaking import QUOTES, Breakage, BreakageError, Deed, Deeds


class EmbeddedBreaking:
    """Slow and failing quotes, from the mock quote server of this process."""

    def __init__(self, quotes: MockQuoteServer, clock: Callable[[], int]) -> None:
        self._quotes = quotes
        self._deeds = Deeds(clock)

    async def offers(self) -> Sequence[Breakage]:
        """Return what can be done."""
        return QUOTES

    async def do(self, name: str, records: Mapping[str, int]) -> str:
        """Do it. Raises BreakageError."""
        mood = mood_of(name.removeprefix("quotes "))
        if mood is None or not name.startswith("quotes "):
            raise BreakageError(f"nothing here is called {name!r}")
        self._quotes.mood = mood
        return self._deeds.note(f"quotes are {mood}", records)

    async def deeds(self) -> Sequence[Deed]:
        """Return what was done lately."""
        return self._deeds.all()
