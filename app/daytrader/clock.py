"""The clocks: what time it is, and how long something took even while the machine slept."""

import mmap
import time
from collections.abc import Callable
from pathlib import Path

Clock = Callable[[], int]
"""Returns ms since the epoch."""


def system_clock() -> int:
    """Return the machine's time in ms since the epoch."""
    return time.time_ns() // 1_000_000


def boot_seconds() -> float:
    """Return seconds that never go back and that count while the machine (or this process) was suspended."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class TurnedClock:
    """A clock that can be turned: the machine's time plus the ms that stand in a file (8 bytes, little endian).

    All processes of a development installation that name the same file see the same time, so that a test of what
    happens after 61 seconds does not take 61 seconds.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            self._offset = mmap.mmap(file.fileno(), 8)

    def __call__(self) -> int:
        return system_clock() + int.from_bytes(self._offset[:], "little")

    def turn(self, ms: int) -> None:
        """Turn the clock on by `ms`, for every process that reads the same file."""
        self._offset[:] = (int.from_bytes(self._offset[:], "little") + ms).to_bytes(8, "little")


def clock_of(clock_file: str) -> Clock:
    """Return the clock to use: the machine's, or the one that `clock_file` turns."""
    return TurnedClock(Path(clock_file)) if clock_file else system_clock
