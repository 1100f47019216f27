"""What the closed and the open loop have in common for the lanes that they feed and the process that drives them."""

from array import array
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Share:
    """The commands of one segment that one process sends."""

    positions: "array[int]"
    """In file order."""
    users: "array[int]"
    """Each command's user, as a dense number of this process."""
    first: int
    """Position of the segment's first command, whichever process sends it."""
    start: float
    """When the segment begins, in seconds of the monotonic clock (which all processes of a machine share)."""


class Lane(Protocol):
    """A connection that a loop gives commands to."""

    number: int
    """Its place among the process's lanes."""

    def run(self, position: int, since: float, now: float) -> None:
        """Send the command at `position`; its latency counts from `since` (seconds of the monotonic clock)."""


class Loop(Protocol):
    """Decides which command is sent when, and by which lane."""

    def begin(self, share: Share) -> None:
        """Send these commands."""

    def settled(self, lane: Lane, now: float) -> None:
        """The lane's command has its outcome: the lane is free for another."""

    def stop(self) -> None:
        """Give out no more commands."""
