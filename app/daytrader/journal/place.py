"""Where an entry stands, as one number: what it is stored under, in the journal as in the audit store.

The number is partition << 40 | n: places sort by partition and n, so a partition is a range of the one unique index.
"""

from typing import Final

_SHIFT: Final = 40
_N: Final = (1 << _SHIFT) - 1


def place_of(partition: int, n: int) -> int:
    """Return the place of entry `n` of a partition."""
    return partition << _SHIFT | n


def at_place(place: int) -> tuple[int, int]:
    """Return the partition and the n of the entry at `place`."""
    return place >> _SHIFT, place & _N
