"""The installations that end-to-end tests share: one embedded, one a cluster of real processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.installation import Installation, running

EMBEDDED = pytest.param("embedded", marks=pytest.mark.xdist_group("embedded"))
MODES = [EMBEDDED, pytest.param("cluster", marks=pytest.mark.xdist_group("cluster"))]
LONG_CLUSTER = pytest.param("cluster", marks=[pytest.mark.xdist_group("cluster"), pytest.mark.long])
"""Tests of one installation run in one process of pytest-xdist, so that each is started once."""


@pytest.fixture(scope="package")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """All in one process, SQLite."""
    with running(tmp_path_factory.mktemp("embedded")) as installation:
        yield installation


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Two web, two transaction replicas, audit, two real replica sets, Redis and the quote server."""
    with running(tmp_path_factory.mktemp("cluster"), "--cluster", "2") as installation:
        yield installation


@pytest.fixture
def installation(request: pytest.FixtureRequest) -> Installation:
    """The installation that the test's parameter names."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Installation)
    return found


@pytest.fixture
def workloads(tmp_path: Path) -> list[Path]:
    """Workload files: the real ones where DAYTRADER_WORKLOADS says that they are, else made ones of the same shape."""
    from tests.e2e.workload_files import files  # noqa: PLC0415  only these tests need the maker

    return files(tmp_path)
