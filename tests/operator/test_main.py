"""What is registered with kopf."""

from typing import Any

import kopf
import pytest

from daytrader_operator import main as module
from daytrader_operator.keeping import STALE_S

main: Any = module
"""kopf's types ask for every argument that it gives; the handlers take only what they need."""


class Sets:
    """Remembers what it is told."""

    def __init__(self, **ages: float) -> None:
        self.told: list[tuple[str, str]] = []
        self._ages = ages

    def wake(self, name: str) -> None:
        """Remember."""
        self.told.append(("wake", name))

    def wake_kept(self, name: str) -> None:
        """Remember."""
        self.told.append(("wake_kept", name))

    async def forget(self, name: str) -> None:
        """Remember."""
        self.told.append(("forget", name))

    def ages(self) -> dict[str, float]:
        """As given."""
        return self._ages


def memo(sets: Sets) -> kopf.Memo:
    """What handlers share."""
    return kopf.Memo(sets=sets)


def test_nothing_puts_a_finalizer_on_a_resource() -> None:
    """Handlers look only: `kubectl delete` ends without an operator, and nothing is kept in annotations."""
    registry: Any = kopf.get_default_registry()
    assert registry._spawning.get_all_handlers() == []
    assert registry._changing.get_all_handlers() == []


async def test_events_wake_the_set() -> None:
    """A resource begins to be kept, its parts wake it, and a deleted one is forgotten."""
    sets = Sets()
    await main.replica_set_changed(type=None, name="one", memo=memo(sets))
    await main.part_changed(labels={"daytrader.dev/replica-set": "one"}, memo=memo(sets))
    await main.replica_set_changed(type="DELETED", name="one", memo=memo(sets))
    assert sets.told == [("wake", "one"), ("wake_kept", "one"), ("forget", "one")]


async def test_liveness_fails_when_passes_do() -> None:
    """The last good pass over any set must not be too old."""
    assert await main.passes_are_made(memo=memo(Sets(one=1.0))) == {"one": 1.0}
    assert await main.passes_are_made(memo=memo(Sets())) == {}
    with pytest.raises(kopf.PermanentError, match="two"):
        await main.passes_are_made(memo=memo(Sets(one=1.0, two=STALE_S + 1)))
