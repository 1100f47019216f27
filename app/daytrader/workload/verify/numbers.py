"""A set of numbers of which most stand close together, in little memory."""

from typing import Final

_PAGE_BITS: Final = 10


class NumberSet:
    """Bit maps by page: a million dense numbers take a few hundred kilobytes."""

    def __init__(self) -> None:
        self._pages: dict[int, int] = {}

    def add(self, number: int) -> bool:
        """Add `number`; return whether it is new."""
        page = number >> _PAGE_BITS
        bit = 1 << (number & ((1 << _PAGE_BITS) - 1))
        bits = self._pages.get(page, 0)
        if bits & bit:
            return False
        self._pages[page] = bits | bit
        return True

    def __contains__(self, number: int) -> bool:
        return bool(self._pages.get(number >> _PAGE_BITS, 0) >> (number & ((1 << _PAGE_BITS) - 1)) & 1)
