"""What the web service needs of whoever decides commands, and the answers it gives where nobody does."""

import itertools
import secrets
from typing import Final, Protocol

from daytrader.transaction.message import Reply, Request


class Transactions(Protocol):
    """Decides commands: the transaction host in this process, or a router to replicas elsewhere."""

    async def submit(self, request: Request) -> Reply:
        """Return the answer to `request` once it is durable; never raises for a replica that is away."""


FULL: Final = Reply(429, b"Too many commands are under way")
NO_REPLICA: Final = Reply(503, b"No transaction replica is ready")
"""The command was never sent: nothing came of it."""
UNKNOWN: Final = Reply(503, b"Outcome unknown")
"""The command was sent, and nobody answered: it may have taken effect."""


class RequestIds:
    """Request ids of the web service's own: unique over all processes, and short, for they stand in the journal."""

    def __init__(self) -> None:
        self._prefix = f"w:{secrets.token_urlsafe(6)}"
        self._number = itertools.count()

    def new(self) -> str:
        """Return the next id."""
        return f"{self._prefix}{next(self._number):x}"
