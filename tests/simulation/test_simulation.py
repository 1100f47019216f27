"""Thousands of stories of several replicas over one store, each from one seed.

100 seeds usually, and 100 more in the long run; `DAYTRADER_SEEDS=5000` tells more stories, and
`DAYTRADER_SEEDS=1234-1234` tells one again.
"""

import os
from collections.abc import Iterator

import pytest
import structlog
from _pytest.mark import ParameterSet

from tests.simulation.world import World, patches

USUAL = 100
ALL = 200


def _seeds() -> list[ParameterSet]:
    text = os.environ.get("DAYTRADER_SEEDS", "")
    first, _, last = text.rpartition("-")
    if text:
        return [pytest.param(seed) for seed in (range(int(first), int(last) + 1) if first else range(int(last)))]
    return [pytest.param(seed, marks=[pytest.mark.long] if seed >= USUAL else []) for seed in range(ALL)]


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Limits that a short story reaches, and no log."""
    for name, value in patches():
        monkeypatch.setattr(name, value)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize("seed", _seeds())
def test_nothing_is_lost_or_doubled(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong, acknowledged commands took effect once, in order, and every replica agrees on the result."""
    world = World(seed)
    monkeypatch.setattr("daytrader.clock.time", _Time(world))
    try:
        world.run()
    except BaseException as error:
        error.add_note(f"seed {seed}: {world.plan}, at {world.loop.time():.3f} s")
        raise


class _Time:
    """Stands in for the module `time`: the simulated loop's."""

    CLOCK_BOOTTIME = 7

    def __init__(self, world: World) -> None:
        self._loop = world.loop

    def clock_gettime(self, _: int) -> float:
        """Return the simulated seconds."""
        return self._loop.time()
