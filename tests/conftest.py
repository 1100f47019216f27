"""Real servers for all tests, shared by the processes of a run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.keeper import kept


@pytest.fixture(scope="session")
def run_directory(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The temporary directory of the whole test run, the same in all processes of pytest-xdist."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if hasattr(request.config, "workerinput") else own


@pytest.fixture(scope="session")
def mongo_set(run_directory: Path) -> Iterator[str]:
    """The URI of a real replica set of three members; others use it too: take a database with a name of your own."""
    with kept("mongo", run_directory) as uri:
        yield uri


@pytest.fixture(scope="session")
def redis_url(run_directory: Path) -> Iterator[str]:
    """The URL of a real Redis; others use it too: begin your keys with a name of your own."""
    with kept("redis", run_directory) as url:
        yield url
