"""Single requests and batches side by side, against a running embedded installation."""

from collections.abc import Iterator

import pytest

from daytrader.bench import batch
from daytrader.bench.batch import CLIENT, measure_batch
from daytrader.bench.load import LoadFailedError
from tests.e2e.installation import running


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running embedded installation."""
    with running(tmp_path_factory.mktemp("installation")) as installation:
        yield installation.url


async def test_batches_do_three_times_as_much(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On one connection pool, the batch endpoint takes at least three times as many commands in the same time."""
    monkeypatch.setattr(batch, "ROUNDS", 2)
    single, batches = await measure_batch(url, {}, 0.5)
    assert (single.way, batches.way) == ("single requests", "batches")
    assert single.commands > 0
    assert batches.commands % (batch.USERS // batch.BATCHES) == 0
    assert batches.commands_per_s >= 3 * single.commands_per_s, (single, batches)
    assert batches.cpu_ms_by_part[CLIENT] < single.cpu_ms_by_part[CLIENT]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("_DEPOSIT", '{"command":"ADD","user":"%s","amount_cents":0}\n', "of 1000 commands in a batch 0 were accepted"),
        ("_LINES", ('{"command":"COMMIT_SELL","user":"%s"}\n',), "of 250 commands in a batch 0 were accepted"),
        ("_SINGLES", (("GET", "quotes/dog", None),), "was answered 400"),
    ],
)
async def test_a_refused_command_is_no_figure(
    url: str, monkeypatch: pytest.MonkeyPatch, name: str, value: object, words: str
) -> None:
    """A way in which commands are refused is not measured but told."""
    monkeypatch.setattr(batch, name, value)
    with pytest.raises(LoadFailedError, match=words):
        await measure_batch(url, {}, 0.1)
