"""Installations to back up and to restore into, each in databases of its own on real replica sets."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from daytrader.settings import Settings
from tests.backup.installation import PARTITIONS
from tests.journal.stores import own_database
from tests.simulation.loop import SimulatedLoop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Give the tests of the hold simulated time, all others a real loop."""
    return {"simulated": SimulatedLoop} if item.path.name == "test_hold.py" else {"real": asyncio.new_event_loop}


NewInstallation = Callable[[], Settings]


@pytest.fixture
def new_installation(mongo_set: str) -> NewInstallation:
    """Makes the settings of an installation that was never started."""

    def make() -> Settings:
        return Settings(
            replica="transaction-0",
            partitions=PARTITIONS,
            data_uri=own_database(mongo_set),
            audit_uri=own_database(mongo_set),
            checkpoint_records=200,
        )

    return make


@pytest.fixture
def settings(new_installation: NewInstallation) -> Settings:
    """The settings of the installation that is backed up."""
    return new_installation()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where backups go."""
    return tmp_path / "backups"


def unseen(done: int, total: int, text: str) -> None:
    """Shows no progress."""


def names_in(directory: Path) -> list[str]:
    """Return the names of everything in a directory, hidden ones included, in order."""
    return sorted(path.name for path in directory.iterdir())
