"""Real servers for all tests, shared by the processes of a run."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.keeper import kept

WHOLE_RUN_GB = 6
"""What the databases of a whole run take at most at a time, in 10^9 bytes."""


def pytest_report_header() -> str:
    """Say how much room there is: what fails for want of it looks like anything else."""
    directory = tempfile.gettempdir()
    free = shutil.disk_usage(directory).free / 1e9
    too_little = "" if free > WHOLE_RUN_GB else ": TOO LITTLE, name another directory in TMPDIR"
    return f"disk: {free:.0f} GB free in {directory}, a whole run takes up to {WHOLE_RUN_GB}{too_little}"


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
