"""A real installation for end-to-end tests: `daytrader up` in a process of its own, with a clock that tests turn."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from daytrader.clock import TurnedClock

INTERVAL_MS = 60_000
"""Triggers are evaluated at intervals of this by the turned clock, as the original did."""


class Installation:
    """A running installation, as a client of `tests.e2e.conformance` sees it."""

    def __init__(self, url: str, clock: TurnedClock, directory: Path) -> None:
        self.url = url
        self.clock = clock
        self.directory = directory

    async def command(self, name: str, **params: str) -> tuple[int, str]:
        """Run a command over HTTP; return status and body."""
        async with (
            aiohttp.ClientSession() as client,
            client.post(f"{self.url}/command/{name}", params=params) as answer,
        ):
            return answer.status, await answer.text()

    async def advance(self, ms: int) -> None:
        """Turn the clock of all processes on."""
        self.clock.turn(ms)

    async def evaluate_triggers(self, user: str) -> None:
        """Let an interval pass, and wait until the armed buy trigger of `user` has fired."""
        self.clock.turn(INTERVAL_MS + 1_000)
        async with asyncio.timeout(30):
            while '"triggers":[]' not in (await self.command("DISPLAY_SUMMARY", userid=user))[1]:  # noqa: ASYNC110  another process fires it
                await asyncio.sleep(0.05)


@contextmanager
def running(directory: Path, *options: str, env: Mapping[str, str] | None = None) -> Iterator[Installation]:
    """Run `daytrader up` in `directory` for as long as the context lasts; it must stop cleanly then."""
    directory.mkdir(parents=True, exist_ok=True)
    clock_file = directory / "clock"
    clock = TurnedClock(clock_file)
    interval = str(INTERVAL_MS / 1000)
    with (directory / "up.log").open("w") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "daytrader", "up", "--port", "0", "--data", str(directory / "data")),
                *("--trigger-interval", interval, *options),
            ],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, "DAYTRADER_CLOCK_FILE": str(clock_file), **(env or {})},
        )
        try:
            yield Installation(_url(process, directory), clock, directory)
        finally:
            process.terminate()
            status = process.wait(60)
            if process.stdout is not None:
                process.stdout.close()
    assert status == 0, f"daytrader up ended with {status}: {(directory / 'up.log').read_text()[-2000:]}"


def _url(process: subprocess.Popen[str], directory: Path) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("ready "):
            return line.split()[1]
    raise AssertionError(f"daytrader up did not come up: {(directory / 'up.log').read_text()[-2000:]}")
