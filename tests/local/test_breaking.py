"""Breaking local installations on purpose."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from daytrader.local import cluster_breaking as module
from daytrader.local.cluster_breaking import ClusterBreaking
from daytrader.local.control import Control
from daytrader.local.control_breaking import ControlBreaking, answer
from daytrader.local.embedded_breaking import EmbeddedBreaking
from daytrader.local.process import Program
from daytrader.local.supervisor import Supervisor
from daytrader.quotes.mock import MockQuoteServer
from daytrader.web.ops.breaking import BreakageError, Breaking, Deed
from tests.local.conftest import Words, until

_SLEEPS = "import time; time.sleep(60)"
RECORDS = {"0": 10, "1": 20}


@pytest.fixture
async def supervisor(python: Callable[..., Program], words: Words) -> AsyncIterator[Supervisor]:
    """Runs a web process and a member."""
    async with Supervisor(words) as made:
        await made.start(python("web-0", _SLEEPS), python("data-1", _SLEEPS))
        yield made


@pytest.fixture
async def cluster(
    supervisor: Supervisor, words: Words, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ClusterBreaking]:
    """What can be done to them."""
    monkeypatch.setattr(module, "KILL_AFTER", 0.0)
    made = ClusterBreaking(supervisor, ["web-0"], {"data-1": 27017}, tmp_path / "mood", lambda: 1_000, words)
    yield made
    await made.close()


async def _offered(breaking: Breaking) -> dict[str, str]:
    return {offer.name: offer.label for offer in await breaking.offers()}


def _states(supervisor: Supervisor) -> dict[str, str]:
    return {standing.name: standing.state for standing in supervisor.standings()}


async def test_embedded_quotes_can_be_slow_fail_and_be_well_again() -> None:
    """The mock quote server does as told, and what was done is kept, the newest first."""
    server = MockQuoteServer()
    breaking = EmbeddedBreaking(server, lambda: 1_000)
    assert list(await _offered(breaking)) == ["quotes slow", "quotes failing", "quotes well"]
    for name in ("quotes slow", "quotes failing", "quotes well"):
        await breaking.do(name, RECORDS)
        assert f"quotes {server.mood}" == name
    assert [deed.did for deed in await breaking.deeds()] == ["quotes are well", "quotes are failing", "quotes are slow"]
    for name in ("slow", "quotes", "quotes upset", "kill web-0", ""):
        with pytest.raises(BreakageError, match="nothing here is called"):
            await breaking.do(name, RECORDS)
    assert server.mood == "well"


async def test_a_service_is_killed_and_comes_back(cluster: ClusterBreaking, words: Words) -> None:
    """The supervisor starts it again, as after any death."""
    assert await cluster.do("kill web-0", RECORDS) == "web-0 was killed (SIGKILL)"
    assert "died with signal 9 (SIGKILL); started again" in await words.hear("web-0 died")
    assert await cluster.deeds() == (Deed(1_000, "web-0 was killed (SIGKILL)", RECORDS),)


async def test_a_member_stays_stopped_until_it_is_started_again(
    cluster: ClusterBreaking, supervisor: Supervisor
) -> None:
    """While it is stopped, starting it is offered in place of stopping it."""
    assert (await _offered(cluster))["stop data-1"] == "Stop data-1 (:27017)"
    await cluster.do("stop data-1", RECORDS)
    await until(lambda: _states(supervisor)["data-1"] == "held")
    offered = await _offered(cluster)
    assert offered["start data-1"] == "Start data-1 (:27017)"
    assert "stop data-1" not in offered
    await cluster.do("start data-1", RECORDS)
    await until(lambda: _states(supervisor)["data-1"] == "running")
    assert "stop data-1" in await _offered(cluster)


async def test_quotes_are_told_by_a_file(cluster: ClusterBreaking, tmp_path: Path) -> None:
    """The quote server is a process of its own, and looks there."""
    await cluster.do("quotes slow", RECORDS)
    assert (tmp_path / "mood").read_text() == "slow"
    await cluster.do("quotes well", RECORDS)
    assert (tmp_path / "mood").read_text() == "well"


@pytest.mark.parametrize("name", ["kill data-1", "stop web-0", "start data-1", "kill", "", "quotes upset"])
async def test_what_is_not_offered_is_not_done(cluster: ClusterBreaking, supervisor: Supervisor, name: str) -> None:
    """Services are not stopped for long, members are not killed, and what runs is not started."""
    with pytest.raises(BreakageError, match="cannot be done at present"):
        await cluster.do(name, RECORDS)
    assert _states(supervisor) == {"web-0": "running", "data-1": "running"}
    assert await cluster.deeds() == ()


async def test_what_cannot_be_done_after_all_is_said(
    cluster: ClusterBreaking, supervisor: Supervisor, words: Words, python: Callable[..., Program]
) -> None:
    """A member that does not come up again is told of on the screen; the installation goes on."""
    await supervisor.hold("data-1")
    supervisor._named("data-1").process.program = Program("data-1", ("/no/such/program",), Path("/dev/null"))
    await cluster.do("start data-1", RECORDS)
    assert "start data-1:" in await words.hear("start data-1:")


@pytest.fixture
async def control(cluster: ClusterBreaking, tmp_path: Path) -> AsyncIterator[ControlBreaking]:
    """The same, asked of from another process through the control."""

    async def handler(asked: dict[str, Any]) -> dict[str, Any]:
        return await answer(cluster, asked)

    made = Control(tmp_path, "secret", handler)
    await made.start()
    yield ControlBreaking(tmp_path)
    await made.close()


async def test_a_web_process_breaks_by_the_control(
    control: ControlBreaking, cluster: ClusterBreaking, words: Words
) -> None:
    """What is offered, what is done and what was done are the supervisor's, whichever web process asks."""
    assert await control.offers() == list(await cluster.offers())
    assert await control.do("kill web-0", RECORDS) == "web-0 was killed (SIGKILL)"
    await words.hear("started again")
    assert await control.deeds() == list(await cluster.deeds())


async def test_a_refusal_comes_back_in_words(control: ControlBreaking) -> None:
    """What cannot be done is told to who asked."""
    with pytest.raises(BreakageError, match="'kill all' cannot be done at present"):
        await control.do("kill all", RECORDS)


async def test_without_an_installation_nothing_is_broken(tmp_path: Path) -> None:
    """Where nobody listens, that is said."""
    breaking = ControlBreaking(tmp_path)
    with pytest.raises(BreakageError, match="no `daytrader up` runs on"):
        await breaking.offers()
    with pytest.raises(BreakageError, match="no `daytrader up` runs on"):
        await breaking.do("kill web-0", RECORDS)
