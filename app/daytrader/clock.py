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
    """A clock that can be turned and stopped: what it shows stands in a file of two numbers (8 bytes, little endian).

    All processes of a development installation that name the same file see the same time, so that a test of what
    happens after 61 seconds does not take 61 seconds, and one of what happens at once may take as long as it likes.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(16))
        with path.open("r+b") as file:
            self._file = mmap.mmap(file.fileno(), 16)

    def __call__(self) -> int:
        """Return the machine's time, or that at which the clock was stopped, and by how much it was turned on."""
        stopped_at = int.from_bytes(self._file[8:], "little")
        return (stopped_at or system_clock()) + int.from_bytes(self._file[:8], "little")

    def turn(self, ms: int) -> None:
        """Turn the clock on by `ms`, for every process that reads the same file."""
        self._file[:8] = (int.from_bytes(self._file[:8], "little") + ms).to_bytes(8, "little")

    def stop(self) -> None:
        """Let time stand still, but for `turn`."""
        self._file[8:] = system_clock().to_bytes(8, "little")


def clock_of(clock_file: str) -> Clock:
    """Return the clock to use: the machine's, or the one that `clock_file` turns."""
    return TurnedClock(Path(clock_file)) if clock_file else system_clock
