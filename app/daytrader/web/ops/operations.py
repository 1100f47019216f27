"""The operations page's side of a web replica: what it records, and what can be broken on purpose."""

from collections.abc import Sequence
from typing import Final

from daytrader.web.ops.board import Board
from daytrader.web.ops.breaking import Breakage, BreakageError, Breaking
from daytrader.web.ops.recorder import Recorder

_NOTHING: Final = "That cannot be done at present: look at the operations page again"


class Operations:
    """Records while `run` runs; without `breaking` nothing can be broken."""

    def __init__(self, recorder: Recorder, breaking: Breaking | None = None) -> None:
        self.recorder = recorder
        self._breaking = breaking

    async def run(self) -> None:
        """Record until cancelled."""
        await self.recorder.run()

    async def close(self) -> None:
        """Let go of the connections."""
        await self.recorder.close()

    async def board(self) -> Board:
        """Return what the page shows now."""
        if self._breaking is None:
            return Board(self.recorder)
        try:
            return Board(self.recorder, await self._breaking.offers(), await self._breaking.deeds())
        except BreakageError as error:
            return Board(self.recorder, why_not=str(error))

    async def offer(self, name: str) -> Breakage:
        """Return what is offered under a name. Raises BreakageError where nothing is."""
        offers: Sequence[Breakage] = () if self._breaking is None else await self._breaking.offers()
        found = next((offer for offer in offers if offer.name == name), None)
        if found is None:
            raise BreakageError(_NOTHING)
        return found

    async def break_(self, name: str) -> str:
        """Do what is offered under a name; returns what was done, in words. Raises BreakageError."""
        if self._breaking is None:
            raise BreakageError(_NOTHING)
        offer = await self.offer(name)
        await self.recorder.record()
        records = {str(heads.number): heads.known_records for heads in self.recorder.heads()}
        return await self._breaking.do(offer.name, records)
