"""Keeping replica sets: one task each, woken by whatever changes, that makes pass after pass.

kopf could run such a task itself, as a daemon; but then every resource would carry a finalizer, and `kubectl delete`
would hang for ever where the operator went first.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

import msgspec
import structlog
from pymongo.errors import OperationFailure

from daytrader_operator import metrics
from daytrader_operator.desired import KIND
from daytrader_operator.kubernetes import KubernetesError
from daytrader_operator.observe import BrokenSecret

_log = structlog.get_logger(__name__)


class Outlook(Enum):
    """What a pass leaves behind."""

    ACTED = "a step was taken: what it did shows soon"
    WAITING = "all is not as wanted, and somebody else is at work"
    SETTLED = "all is as wanted"


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to look, in seconds."""

    acted: float = 0.5
    waiting: float = 1.5
    settled: float = 5.0
    least: float = 0.3
    """Between two passes, however often one is woken."""
    backoff: tuple[float, ...] = (1.0, 2.0, 5.0, 10.0, 20.0)
    """After the first failure in a row, the second, …"""
    limit: float = 60.0
    """A pass that takes longer is given up."""


class PassMaker(Protocol):
    """What makes the passes over one replica set."""

    async def once(self) -> Outlook:
        """Make one pass."""
        ...

    async def tell_failure(self, why: str) -> None:
        """Record that passes fail, and why."""
        ...

    async def close(self) -> None:
        """Give back what the passes held."""
        ...


STALE_S: Final = 180.0
"""An operator that has finished no pass over some set for longer had better be started again."""

_REFUSALS: Final = frozenset({400, 403, 409, 422})


class Keeping:
    """The tasks of all replica sets of the namespace."""

    def __init__(self, passes: Callable[[str], PassMaker], pace: Pace | None = None) -> None:
        self._passes = passes
        self._pace = pace or Pace()
        self._keepers: dict[str, Keeper] = {}

    def wake(self, name: str) -> None:
        """Look at the set now; the first time, begin to keep it."""
        if name not in self._keepers:
            self._keepers[name] = Keeper(name, self._passes(name), self._pace)
        self._keepers[name].wake()

    def wake_kept(self, name: str) -> None:
        """Look at the set now, if it is kept."""
        if name in self._keepers:
            self._keepers[name].wake()

    async def forget(self, name: str) -> None:
        """Stop keeping the set: it is gone."""
        keeper = self._keepers.pop(name, None)
        if keeper is not None:
            await keeper.stop()
            metrics.forget(name)

    async def close(self) -> None:
        """Stop keeping any set."""
        for name in list(self._keepers):
            await self._keepers.pop(name).stop()

    def ages(self) -> dict[str, float]:
        """Return how many seconds ago the last pass over each set ended; see `Keeper.age`."""
        return {name: keeper.age() for name, keeper in self._keepers.items()}


class Keeper:
    """The task of one replica set."""

    def __init__(self, name: str, passes: PassMaker, pace: Pace) -> None:
        self._name = name
        self._passes = passes
        self._pace = pace
        self._woken = asyncio.Event()
        self._finished = time.monotonic()
        self._task = asyncio.get_running_loop().create_task(self._keep(), name=f"keep {name}")

    def wake(self) -> None:
        """Let the next pass begin."""
        self._woken.set()

    def age(self) -> float:
        """Return how many seconds ago the last pass ended that was good, or that met a refusal.

        An operator that is started again meets the same refusal, and has left all other sets alone meanwhile.
        """
        return time.monotonic() - self._finished

    async def stop(self) -> None:
        """End the task, between two actions of a pass or within one."""
        self._task.cancel()
        await asyncio.wait([self._task])
        await self._passes.close()

    async def _keep(self) -> None:
        failed, cause = 0, ""
        while True:
            self._woken.clear()
            try:
                async with asyncio.timeout(self._pace.limit):
                    outlook = await self._passes.once()
            except Exception as error:  # whatever it was, the next pass begins anew
                why = f"{type(error).__name__}: {error}"
                metrics.failures.labels(KIND).inc()
                if _is_refusal(error):
                    self._finished = time.monotonic()
                if why != cause:
                    await self._say(why, error)
                cause = why
                delay = self._pace.backoff[min(failed, len(self._pace.backoff) - 1)]
                failed += 1
            else:
                failed, cause = 0, ""
                self._finished = time.monotonic()
                metrics.last_pass.labels(KIND, self._name).set_to_current_time()
                delay = self._after(outlook)
            await self._rest(delay, wakeable=not failed)

    def _after(self, outlook: Outlook) -> float:
        pace = self._pace
        return {Outlook.ACTED: pace.acted, Outlook.WAITING: pace.waiting, Outlook.SETTLED: pace.settled}[outlook]

    async def _rest(self, delay: float, *, wakeable: bool) -> None:
        if not wakeable:
            await asyncio.sleep(delay)
            return
        await asyncio.sleep(self._pace.least)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), delay - self._pace.least)

    async def _say(self, why: str, error: Exception) -> None:
        _log.warning("a pass over the replica set failed", set=self._name, why=why, exc_info=error)
        try:
            await self._passes.tell_failure(why)
        except KubernetesError as silence:
            _log.warning("its events could not be written", set=self._name, why=str(silence))


def _is_refusal(error: Exception) -> bool:
    """Whether somebody has answered, and it is the resource or the cluster that has to be put right."""
    if isinstance(error, KubernetesError):
        return error.code in _REFUSALS
    return isinstance(error, (BrokenSecret, OperationFailure, msgspec.ValidationError))
