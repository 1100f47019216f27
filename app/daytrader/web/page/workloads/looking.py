"""HTML that is looked at again and again, such as the report of a run that goes on."""

import asyncio
from collections.abc import Callable
from typing import Final

LOOK_EVERY: Final = 0.5
"""Seconds between two looks."""


class Looking:
    """A source of HTML, which is looked at again and again."""

    def __init__(self, html: Callable[[], str], every: float = LOOK_EVERY) -> None:
        self._html = html
        self._every = every
        self._sent = ""

    @property
    def waits(self) -> bool:
        """Whether something waits to be read; never, for it is looked at when it is wanted."""
        return False

    async def __anext__(self) -> str:
        """Return the HTML once it is another."""
        while True:
            html = self._html()
            if html != self._sent:
                self._sent = html
                return html
            await asyncio.sleep(self._every)

    async def aclose(self) -> None:
        """Look no more."""
