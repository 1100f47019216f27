"""One user, followed for one web replica: what happened and is not told yet."""

from collections.abc import Callable
from typing import Final

from daytrader.transaction.feed import Happened, Watch
from daytrader.transaction.partition import Partition

MOST_HAPPENED: Final = 1_000
"""Records of a user that wait to be told; where it gets more, the account as a whole is told instead."""


class Follower:
    """What a web replica knows of a user, and what it does not yet."""

    __slots__ = (
        "after",
        "closed",
        "due",
        "happened",
        "noted",
        "partition",
        "reached",
        "settled",
        "sub",
        "told",
        "user",
    )

    def __init__(self, watch: Watch, partition: Partition, noted: Callable[["Follower"], None]) -> None:
        """`noted(follower)` is called when there is something to tell, or to catch up with."""
        self.sub = watch.sub
        self.user = watch.user
        self.partition = partition
        self.after = watch.after
        """While it is not settled: what happened after this entry is to be told; None: the account will do."""
        self.reached = watch.reached
        self.settled = False
        """Whether `told` and `happened` together are all that ever happened."""
        self.told = 0
        """The entry up to which everything is told."""
        self.happened: list[Happened] = []
        self.due = 0.0
        """Loop time in seconds before which nothing more is told."""
        self.closed = False
        self.noted = noted

    def note(self, happened: Happened) -> None:
        """Note what happened to the user."""
        if len(self.happened) >= MOST_HAPPENED:
            self.happened = []
            self.settled = False
            self.after = None
        self.happened.append(happened)
        self.noted(self)

    def missed(self) -> None:
        """Note that something may have happened, and was not noted."""
        self.happened = []
        if self.settled:
            self.settled = False
            self.after = self.told
        self.noted(self)
