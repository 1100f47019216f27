"""Shows on standard error how far things are: a bar on a terminal, else a plain line every few seconds."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

_PLAIN_EVERY: Final = 10.0
"""Seconds between plain lines."""


class Display(Protocol):
    """Shows how far something is."""

    def show(self, done: int, total: int, text: str) -> None:
        """`done` of `total`; `text` says more. May be called often."""


class _Bar:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None)

    def show(self, done: int, total: int, text: str) -> None:
        self._progress.update(self._task, completed=done, total=total, description=text)
        self._progress.refresh()


class _Plain:
    def __init__(self) -> None:
        self._next = monotonic() + _PLAIN_EVERY

    def show(self, done: int, total: int, text: str) -> None:
        now = monotonic()
        if now >= self._next:
            self._next = now + _PLAIN_EVERY
            sys.stderr.write(f"{text}: {done:,} of {total:,}\n")
            sys.stderr.flush()


@contextmanager
def display() -> Iterator[Display]:
    """A display for as long as the `with` block lasts."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Plain()
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    # Refreshed from `show` only: the display's own thread would take CPU from what is measured.
    progress = Progress(*columns, TimeRemainingColumn(), console=console, auto_refresh=False, transient=True)
    with progress:
        yield _Bar(progress)
