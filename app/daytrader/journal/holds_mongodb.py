"""Holds of trimming in a MongoDB replica set."""

from typing import Final

from daytrader.journal.mongodb_errors import there_already, unavailable
from daytrader.mongo import Primary

HOLDS: Final = "holds"
"""One document a hold, its name as `_id`: the moment until which it lasts, by the clock of the primary."""

_LASTING: Final = {"$expr": {"$gt": ["$until", "$$NOW"]}}
_ENDED: Final = {"$expr": {"$lte": ["$until", "$$NOW"]}}


class MongoHolds:
    """The holds; `MongoJournal.holds`, which also prepares and closes them."""

    def __init__(self, primary: Primary) -> None:
        self._primary = primary

    async def prepare(self) -> None:
        """Create the collection where it is missing. Raises PyMongoError."""
        with there_already():
            await self._primary.must_write({"create": HOLDS})

    async def hold(self, name: str, seconds: float) -> None:
        """Set the hold, or set it anew."""
        until = {"$set": {"until": {"$add": ["$$NOW", round(seconds * 1_000)]}}}
        with unavailable():
            updates = [{"q": {"_id": name}, "u": [until], "upsert": True}]
            await self._primary.must_write({"update": HOLDS, "updates": updates})

    async def release(self, name: str) -> None:
        """Delete the hold, and those that have ended."""
        with unavailable():
            deletes = [{"q": {"$or": [{"_id": name}, _ENDED]}, "limit": 0}]
            await self._primary.must_write({"delete": HOLDS, "deletes": deletes})

    async def held(self) -> list[str]:
        """Return the names of the holds that last."""
        with unavailable():
            found = await self._primary.find_confirmed({"find": HOLDS, "filter": _LASTING, "sort": {"_id": 1}})
        return [hold["_id"] for hold in found]

    async def clear(self) -> None:
        """Drop the collection. Raises PyMongoError."""
        with there_already():
            await self._primary.must_write({"drop": HOLDS})
