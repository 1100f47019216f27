"""Quiet spells: the times in which no command was acknowledged, and the longest of them over several processes."""

from array import array
from typing import Final

Spell = tuple[float, float]
"""From and until, seconds of the monotonic clock (which all processes of a machine share)."""

SHORTEST: Final = 0.005
"""Spells of less seconds are not kept."""


class QuietSpells:
    """The spells of one process in the segment that runs."""

    def __init__(self) -> None:
        self.last = 0.0
        """The last acknowledgement; before the first, the segment's start."""
        self._bounds = array("d")

    def begin(self, start: float) -> None:
        """A segment begins: the first command can be sent at `start`."""
        self.last = start
        self._bounds = array("d")

    def acknowledge(self, now: float) -> None:
        """An acknowledgement has come."""
        if now - self.last > SHORTEST:
            self._bounds.extend((self.last, now))
        self.last = now

    def spells(self) -> list[Spell]:
        """The spells up to the last acknowledgement, in order."""
        return list(zip(self._bounds[::2], self._bounds[1::2], strict=True))


def longest(processes: list[tuple[list[Spell], float]]) -> float:
    """The longest spell, in seconds, that was quiet in all processes at once; 0.0 where none is as long as `SHORTEST`.

    For each process its spells and its last acknowledgement, after which it was quiet too.
    """
    end = max(last for _, last in processes)
    common = [(float("-inf"), end)]
    for spells, last in processes:
        common = _intersect(common, [*spells, (last, end)])
    # A process with nothing to do has no spells but the endless one before `end`.
    lengths = [until - since for since, until in common if since != float("-inf")]
    return max((length for length in lengths if length >= SHORTEST), default=0.0)


def _intersect(left: list[Spell], right: list[Spell]) -> list[Spell]:
    found: list[Spell] = []
    i = j = 0
    while i < len(left) and j < len(right):
        since, until = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if since < until:
            found.append((since, until))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return found
