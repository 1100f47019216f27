"""The id of a stream's event: by it a stream goes on where another ended."""

import re
from typing import Final

import msgspec

_TEXT: Final = re.compile(r"(\d{1,6})-(\d{1,18})", re.ASCII)


class EventId(msgspec.Struct, frozen=True):
    """A place in the journal: everything up to entry `n` of the partition has been told."""

    partition: int
    n: int

    def __str__(self) -> str:
        return f"{self.partition}-{self.n}"

    @staticmethod
    def parse(text: str) -> "EventId | None":
        """Return the id that `text` is, None where it is none."""
        found = _TEXT.fullmatch(text)
        return EventId(int(found[1]), int(found[2])) if found else None
