"""The lines of a batch, as its body arrives."""

from collections.abc import Iterator
from typing import Final

LARGEST_BATCH: Final = 4 * 1024 * 1024
"""Bytes of a batch's body."""

MOST_LINES: Final = 10_000
"""Lines of a batch, blank ones included."""

LONGEST_LINE: Final = 8 * 1024
"""Bytes of a line; a longer one is refused by itself."""

Line = tuple[int, bytes | None]
"""The number of a line, from 1, and its text; None where it is longer than may be."""


class BatchTooLargeError(Exception):
    """The batch has more lines, or bytes, than may be: `line` is the first that is not taken."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


class Lines:
    """Splits pieces of a body into lines. Blank lines are counted and left out."""

    def __init__(self) -> None:
        self._rest = b""
        self._number = 0
        self._bytes = 0
        self._skipping = False
        """Whether what comes belongs to a line that is too long already."""

    @property
    def next(self) -> int:
        """The number of the line that comes next."""
        return self._number + 1

    def of(self, piece: bytes) -> Iterator[Line]:
        """Yield the lines that `piece` completes. Raises BatchTooLargeError."""
        self._bytes += len(piece)
        if self._bytes > LARGEST_BATCH:
            raise BatchTooLargeError(self.next, f"A batch has at most {LARGEST_BATCH} bytes: send several")
        *complete, rest = piece.split(b"\n")
        for text in complete:
            yield from self._line(text)
        self._keep(rest)

    def end(self) -> Iterator[Line]:
        """Yield what is left when the body has come to its end. Raises BatchTooLargeError."""
        if self._rest or self._skipping:
            yield from self._line(b"")

    def _keep(self, text: bytes) -> None:
        if not self._skipping:
            self._rest += text
            if len(self._rest) > LONGEST_LINE:
                self._rest = b""
                self._skipping = True

    def _line(self, end: bytes) -> Iterator[Line]:
        self._keep(end)
        text, skipped = self._rest, self._skipping
        self._rest = b""
        self._skipping = False
        if self._number >= MOST_LINES:
            raise BatchTooLargeError(self.next, f"A batch has at most {MOST_LINES} lines: send several")
        self._number += 1
        if skipped:
            yield self._number, None
        elif not text.isspace() and text:
            yield self._number, text
