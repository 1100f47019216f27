"""How many entries to ask for at once, so that what comes is about so many bytes, however large the entries are."""


class Portion:
    """Stores count in entries, memory in bytes: the size of the last entries tells how many of the next to ask for."""

    def __init__(self, size: int, most: int) -> None:
        """`size` in bytes is aimed at; never more than `most` entries, and never fewer than one."""
        self._size = size
        self._most = most
        self.limit = min(most, 8)
        """How many entries to ask for next."""

    def took(self, entries: int, size: int) -> None:
        """Learn from the last answer: so many entries, of so many bytes together. It at most doubles the limit."""
        if entries:
            self.limit = max(1, min(self._size * entries // max(size, 1), 2 * self.limit, self._most))
