"""Thousands of simulated sets, whose operators are killed at any point while members fail and wishes change."""

import pytest

from tests.operator.simulation.world import Faults, World

RUNS = 250
BATCHES = 8
SHORT = 4
"""Batches of the usual run."""


async def run(seed: int) -> World:
    world = World(seed, members=[1, 3, 3, 5][seed % 4])
    world.faults = Faults(killed=0.02, failed=0.02)
    for _ in range(world.random.randint(0, 60)):
        await world.step()
        if world.random.random() < 0.12:
            world.happen()
    if world.body["spec"]["image"] == "bad":
        world.want(image="mongo:8.0")
    await world.settle()
    world.check()
    return world


@pytest.mark.parametrize(
    "batch", [*range(SHORT), *(pytest.param(one, marks=pytest.mark.long) for one in range(SHORT, BATCHES))]
)
async def test_it_always_ends_as_wanted(batch: int) -> None:
    """However often the operator dies, and whatever fails: one set, one primary, nothing acknowledged is lost."""
    for seed in range(batch * RUNS, (batch + 1) * RUNS):
        try:
            await run(seed)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
