"""Asking the legacy quote server in its tests."""

import asyncio
from collections.abc import Callable

from daytrader.quotes.legacy import LegacyQuoteServer
from daytrader.quotes.port import Answer

Asking = asyncio.Task[Answer]
ClientOf = Callable[..., LegacyQuoteServer]


def nothing() -> None:
    """What to do when a request is sent, where a test does not care."""


def ask(client: LegacyQuoteServer, symbol: str = "ABC", user: str = "alice") -> Asking:
    """Ask in a task of its own."""
    return asyncio.create_task(client.ask(symbol, user, nothing))
