"""The client's own record of a run: one JSON object a line for every command that was sent.

The lines stand in the order of the outcomes (with several processes: nearly). They are what it takes to prove that
every acknowledged command took effect once.
"""

import os
import queue
import threading
from pathlib import Path
from typing import Final

import msgspec

_CHUNK: Final = 256 * 1024
"""Bytes that are collected before they are handed to the writing thread."""
_CHUNKS_WAITING: Final = 64
"""So many chunks may wait for the disk; then the run waits with them."""


class Sent(msgspec.Struct, frozen=True):
    """One command that was sent, and what is known of its outcome."""

    id: str | None
    """The Idempotency-Key; null where the run sent none."""
    user: str | None
    """Null for the DUMPLOG of everything."""
    line: int
    """Line in the workload file, counted from 1."""
    command: str
    args: list[str]
    """The line's arguments as they stand there, the user included."""
    sent: list[int]
    """When it was sent, and sent again: ms since the epoch."""
    answered: int | None
    """When the answer that counts came: ms since the epoch. Null: no answer, it may have taken effect or not."""
    status: int
    """The answer's HTTP status; 0: no answer."""
    body: str | None
    """The text of an answer other than 200, the price that a QUOTE was answered, or why there is no answer."""


class HistoryWriter:
    """Appends to a history file from a thread of its own, so that a slow disk does not hold up the sending.

    Several processes may append to one file: chunks of whole lines are written with one call each.
    """

    def __init__(self, path: Path) -> None:
        """Open `path` for appending. Raises OSError when that cannot be."""
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self._encode = msgspec.json.Encoder().encode
        self._lines: list[bytes] = []
        self._size = 0
        self._queue: queue.Queue[bytes | None] = queue.Queue(_CHUNKS_WAITING)
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._write, name="history", daemon=True)
        self._thread.start()

    def add(self, sent: Sent) -> None:
        """Keep one record. Raises OSError when an earlier one could not be written."""
        line = self._encode(sent)
        self._lines.append(line)
        self._size += len(line) + 1
        if self._size >= _CHUNK:
            self._hand_over()

    def close(self) -> None:
        """Write what is left and wait for it (a minute at most). Raises OSError when something could not be written."""
        if self._lines:
            self._hand_over()
        self._queue.put(None, timeout=60)
        self._thread.join(60)
        if self._thread.is_alive():
            raise OSError("the history file: not written within 60 s; the disk is too slow or stuck")
        os.close(self._file)
        self._check()

    def _hand_over(self) -> None:
        self._check()
        self._lines.append(b"")
        try:
            self._queue.put(b"\n".join(self._lines), timeout=60)
        except queue.Full:
            raise OSError("the history file: nothing could be written for 60 s; the disk is stuck") from None
        self._lines.clear()
        self._size = 0

    def _check(self) -> None:
        if self._error is not None:
            raise OSError(f"the history file: {self._error}") from self._error

    def _write(self) -> None:
        while (chunk := self._queue.get()) is not None:
            try:
                if self._error is None and os.write(self._file, chunk) != len(chunk):
                    self._error = OSError("the disk is full")
            except OSError as error:
                self._error = error
