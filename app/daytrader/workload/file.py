"""Workload files: lines `[n] COMMAND,argument,...`, indexed in one pass and then read from where they lie.

A file is never held in memory: the index takes 21 bytes a command, the text stays in the page cache.
"""

import mmap
import os
import re
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import msgspec

from daytrader.workload.request import CODES, DUMP_CODES, FORMS

NAMED_MALFORMED: Final = 20
"""So many malformed lines are named; the others are only counted."""

_parse = re.compile(rb"\[[0-9]+\] ([^,]*)(?:,(.*))?", re.DOTALL).fullmatch
_TYPECODES: Final = "QIBII"
_NAMES: Final = {form.name.encode() for form in FORMS}


class Malformed(msgspec.Struct, frozen=True):
    """A line that is no command."""

    file: str
    line: int
    """Counts from 1."""
    reason: str
    text: str
    """The line's beginning, at most 100 characters."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}: {self.text!r}"


class Segment(msgspec.Struct, frozen=True):
    """Commands `first` to `end` - 1, which run side by side, and the DUMPLOG after them, which is run alone."""

    first: int
    end: int
    dump: int | None
    """The position of the DUMPLOG; None after the last command of a file that does not end with one."""


@dataclass(frozen=True, slots=True)
class Index:
    """What is known of each command, by its position (0 is the first): parallel arrays."""

    starts: "array[int]"
    """Offset of the arguments in the file, bytes."""
    lengths: "array[int]"
    """Length of the arguments, bytes."""
    codes: "array[int]"
    """Places in `FORMS`."""
    users: "array[int]"
    """Numbers of users, in the order in which the file names them first; 0 for DUMPLOG."""
    lines: "array[int]"
    """Line numbers, counted from 1."""

    @classmethod
    def empty(cls) -> Self:
        return cls(*(array(typecode) for typecode in _TYPECODES))

    def pack(self) -> list[bytes]:
        """The arrays as bytes, for another process on this machine."""
        return [column.tobytes() for column in (self.starts, self.lengths, self.codes, self.users, self.lines)]

    @classmethod
    def unpack(cls, packed: list[bytes]) -> Self:
        return cls(*(array(typecode, column) for typecode, column in zip(_TYPECODES, packed, strict=True)))


class Workload:
    """An open workload file. It must not be changed while it is open; close it, or use it in a `with` statement."""

    def __init__(self, path: Path, index: Index, users: int) -> None:
        """Open `path`, whose index and number of users are known already. Raises OSError when it cannot be read."""
        self.path = path
        self.index = index
        self.users = users
        """How many different users the commands name."""
        self.malformed: list[Malformed] = []
        """The first malformed lines."""
        self.malformed_count = 0
        with path.open("rb") as file:
            empty = os.fstat(file.fileno()).st_size == 0  # such a file cannot be mapped
            self._text = None if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    @classmethod
    def open(cls, path: Path, progress: Callable[[int], None] | None = None) -> Self:
        """Read a file once (about 1 µs a line) and index it.

        `progress` is told, every 100,000 lines, how many bytes have been read. Malformed lines are kept in
        `malformed`, the rest of the file is good all the same.

        Raises:
            OSError: the file cannot be read.
        """
        workload = cls(path, Index.empty(), 0)
        if workload._text is not None:
            workload._read(workload._text, progress)
        return workload

    def __len__(self) -> int:
        """How many commands there are, DUMPLOGs included and malformed lines not."""
        return len(self.index.codes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._text is not None:
            self._text.close()

    def arguments(self, position: int) -> bytes:
        """The arguments of the command at `position`, separated by commas."""
        assert self._text is not None, "an empty file has no commands"  # noqa: S101 - states a fact for the type checker
        start = self.index.starts[position]
        return self._text[start : start + self.index.lengths[position]]

    def segments(self) -> list[Segment]:
        """The stretches between DUMPLOGs, in order."""
        found: list[Segment] = []
        first = 0
        for position, code in enumerate(self.index.codes):
            if code in DUMP_CODES:
                found.append(Segment(first, position, position))
                first = position + 1
        if first < len(self):
            found.append(Segment(first, len(self), None))
        return found

    def _read(self, text: mmap.mmap, progress: Callable[[int], None] | None) -> None:
        index, numbers = self.index, dict[bytes, int]()
        offset = 0
        for line, raw in enumerate(iter(text.readline, b""), 1):
            match = _parse(raw.rstrip())
            name, arguments = match.groups() if match else (b"", None)
            code = None if arguments is None else CODES.get((name, arguments.count(b",") + 1))
            if match is None or arguments is None or code is None:
                self._reject(line, raw.strip(), name, arguments)
            else:
                start, end = match.span(2)
                index.starts.append(offset + start)
                index.lengths.append(end - start)
                index.codes.append(code)
                index.lines.append(line)
                user = 0 if code in DUMP_CODES else numbers.setdefault(arguments.partition(b",")[0], len(numbers))
                index.users.append(user)
            offset += len(raw)
            if progress is not None and not line % 100_000:
                progress(offset)
        self.users = len(numbers)

    def _reject(self, line: int, text: bytes, name: bytes, arguments: bytes | None) -> None:
        if not text:
            return
        self.malformed_count += 1
        if len(self.malformed) < NAMED_MALFORMED:
            shown = text[:100].decode(errors="replace")
            self.malformed.append(Malformed(str(self.path), line, _reason(name, arguments), shown))


def _reason(name: bytes, arguments: bytes | None) -> str:
    if not name:
        return "not of the shape [n] COMMAND,argument,..."
    if name not in _NAMES:
        return f"there is no command {name[:40].decode(errors='replace')}"
    wanted = " or ".join(str(count) for known, count in sorted(CODES) if known == name)
    given = 0 if arguments is None else arguments.count(b",") + 1
    return f"{name.decode()} takes {wanted} argument{'' if wanted == '1' else 's'}, not {given}"
