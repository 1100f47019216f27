"""What the tests of local processes share."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daytrader.local.process import Program


class Words:
    """Collects what a supervisor says, and lets a test wait for it."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self._more = asyncio.Event()

    def __call__(self, words: str) -> None:
        self.said.append(words)
        self._more.set()

    async def hear(self, part: str, within_s: float = 20.0) -> str:
        """The first sentence that contains `part`, said already or within the time."""
        async with asyncio.timeout(within_s):
            while True:
                for words in self.said:
                    if part in words:
                        return words
                self._more.clear()
                await self._more.wait()


@pytest.fixture
def words() -> Words:
    """A listener to give to a supervisor as its voice."""
    return Words()


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., Program]:
    """Makes programs out of Python source: `python("name", "print(1)", port=…)`."""

    def program(name: str, source: str, **facts: Any) -> Program:
        return Program(name=name, argv=(sys.executable, "-u", "-c", source), log=tmp_path / f"{name}.log", **facts)

    return program


async def until(holds: Callable[[], bool], within_s: float = 20.0) -> None:
    """Waits until the condition holds."""
    async with asyncio.timeout(within_s):
        while True:
            if holds():
                return
            await asyncio.sleep(0.01)
