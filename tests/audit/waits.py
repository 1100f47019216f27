"""Waiting, with a time limit, for what no event tells."""

import asyncio
import inspect
from collections.abc import Callable
from typing import Final

LIMIT: Final = 15.0
"""Seconds within which anything happens, on a busy machine too."""


async def until(true: Callable[[], object]) -> None:
    """Return when `true()`, which may be awaited, gives something true. Raises TimeoutError."""
    async with asyncio.timeout(LIMIT):
        while True:
            result = true()
            if inspect.isawaitable(result):
                result = await result
            if result:
                return
            await asyncio.sleep(0.01)
