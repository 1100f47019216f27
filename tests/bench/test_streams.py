"""Commands with nobody watching and with every account watched, against a running embedded installation."""

from collections.abc import Iterator

import pytest

from daytrader.bench import batch, streams
from daytrader.bench.load import LoadFailedError
from daytrader.bench.streams import UNWATCHED, WATCHED, measure_streams
from tests.e2e.installation import running


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running embedded installation."""
    with running(tmp_path_factory.mktemp("installation")) as installation:
        yield installation.url


async def test_both_ways_are_measured(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands go through with and without watchers, and both are told; how much slower it is, is for the benchmark."""
    monkeypatch.setattr(streams, "ROUNDS", 1)
    monkeypatch.setattr(batch, "USERS", 64)
    measured = await measure_streams(url, {}, 1)
    unwatched, watched = measured.ways
    assert (unwatched.way, watched.way) == (UNWATCHED, WATCHED)
    assert unwatched.commands > 0
    assert watched.commands > 0
    assert 0 < measured.ratios[0] < 5
    assert 64 / watched.commands <= measured.updates[0] <= 1


async def test_streams_that_do_not_begin(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A measurement without its watchers is none."""
    monkeypatch.setattr(streams, "ROUNDS", 1)
    monkeypatch.setattr(streams, "FIRST_WITHIN", 0.0)
    monkeypatch.setattr(batch, "USERS", 100)
    with pytest.raises(LoadFailedError, match="not all streams had begun"):
        await measure_streams(url, {}, 0.1)
