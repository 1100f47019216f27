"""Breaking an installation on Kubernetes on purpose: by the API, as a server of the tests speaks it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daytrader.services import breaking_of
from daytrader.settings import load
from daytrader.web.ops import kubernetes_api, pods_breaking
from daytrader.web.ops.breaking import DEEDS_KEPT, BreakageError, Breaking, Deed
from daytrader.web.ops.kubernetes_api import KubernetesApi
from daytrader.web.ops.pods_breaking import PodsBreaking
from tests.web.ops.api_server import INSTANCE, RECORD, ApiServer, pod

RECORDS = {"0": 10, "1": 20}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ApiServer]:
    """An installation with two web pods and three members of the data set, of which the second is primary."""
    made = ApiServer(tmp_path / "account")
    made.pods = [
        pod("web", "daytrader-web-b", made="2026-01-02T00:00:00Z"),
        pod("web", "daytrader-web-a", made="2026-01-01T00:00:00Z"),
        pod("transaction", "daytrader-transaction-a"),
        pod("quotes", "daytrader-quotes-a"),
        *(pod("data-set", f"daytrader-data-set-{number}") for number in (2, 0, 1)),
        pod("workload", "load-1"),
        pod("redis", "daytrader-redis-a", phase="Pending"),
    ]
    made.primaries = {"daytrader-data-set": "daytrader-data-set-1"}
    async with made:
        yield made


def breaking_by(server: ApiServer) -> PodsBreaking:
    """What one web replica does."""
    return PodsBreaking(KubernetesApi(server.directory, server.environ), INSTANCE, RECORD, lambda: 1_000)


@pytest.fixture
def breaking(server: ApiServer) -> PodsBreaking:
    """What can be done to it."""
    return breaking_by(server)


async def _offered(breaking: Breaking) -> dict[str, str]:
    return {offer.name: offer.label for offer in await breaking.offers()}


async def test_what_runs_is_offered(breaking: PodsBreaking) -> None:
    """A button for each service that runs, one for each member, the primary named as such; quotes where a mock runs."""
    assert await _offered(breaking) == {
        "kill web": "Kill one of 2 web pods",
        "kill transaction": "Kill the transaction pod",
        "kill quotes": "Kill the quotes pod",
        "delete daytrader-data-set-0": "Delete daytrader-data-set-0",
        "delete daytrader-data-set-1": "Delete daytrader-data-set-1 (primary)",
        "delete daytrader-data-set-2": "Delete daytrader-data-set-2",
        "quotes slow": "Slow quotes",
        "quotes failing": "Failing quotes",
        "quotes well": "Quotes well again",
    }


async def test_it_is_said_what_will_be_felt(breaking: PodsBreaking) -> None:
    """Of a primary, that writes wait; of quotes, when the mock quote server will know."""
    says = {offer.name: offer.says for offer in await breaking.offers()}
    assert "writes wait some seconds" in says["delete daytrader-data-set-1"]
    assert "writes wait" not in says["delete daytrader-data-set-0"]
    assert "The transaction pod is deleted, and its processes have 1 s" in says["kill transaction"]
    assert "within about a minute and a half" in says["quotes slow"]


async def test_without_a_third_member_nothing_is_written(server: ApiServer, breaking: PodsBreaking) -> None:
    """Of three members one that goes leaves no majority where another is away."""
    server.pods[4]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:01Z"
    says = {offer.name: offer.says for offer in await breaking.offers()}
    assert "nothing is written until it is back" in says["delete daytrader-data-set-0"]


async def test_without_a_mock_there_are_no_quotes_to_break(server: ApiServer, breaking: PodsBreaking) -> None:
    """The real quote server is nobody's to slow down."""
    server.pods = [each for each in server.pods if each["metadata"]["name"] != "daytrader-quotes-a"]
    assert not [name for name in await _offered(breaking) if "quotes" in name]


async def test_a_service_is_killed_with_a_second_of_grace(server: ApiServer, breaking: PodsBreaking) -> None:
    """The pod that has run longest goes, and is not offered again while it is on its way out."""
    assert await breaking.do("kill web", RECORDS) == "the pod daytrader-web-a was killed"
    assert "DELETE /pods/daytrader-web-a 1" in server.asked
    assert (await _offered(breaking))["kill web"] == "Kill the web pod"


async def test_a_member_is_deleted_in_its_own_time(server: ApiServer, breaking: PodsBreaking) -> None:
    """It may step down first, as when its node is drained."""
    assert await breaking.do("delete daytrader-data-set-1", RECORDS) == "the pod daytrader-data-set-1 was deleted"
    assert "DELETE /pods/daytrader-data-set-1 None" in server.asked


async def test_every_replica_tells_what_was_done(server: ApiServer, breaking: PodsBreaking) -> None:
    """What was done is kept outside of the replica that did it, with the records of then, the newest first."""
    await breaking.do("kill transaction", RECORDS)
    await breaking.do("quotes slow", RECORDS)
    expected = [
        Deed(1_000, "the mock quote server was told to be slow", RECORDS),
        Deed(1_000, "the pod daytrader-transaction-a was killed", RECORDS),
    ]
    assert await breaking.deeds() == expected
    assert await breaking_by(server).deeds() == expected


async def test_so_many_deeds_are_kept(server: ApiServer, breaking: PodsBreaking) -> None:
    """The oldest ones are forgotten; what the quotes are told stands beside them."""
    for _ in range(DEEDS_KEPT):
        await breaking.do("quotes failing", RECORDS)
    await breaking.do("quotes well", RECORDS)
    deeds = await breaking.deeds()
    assert len(deeds) == DEEDS_KEPT
    assert deeds[0].did == "the mock quote server was told to be well"
    assert server.record is not None
    assert server.record["data"]["mood"] == "well"


async def test_two_replicas_note_at_once(server: ApiServer, breaking: PodsBreaking) -> None:
    """One of them meets the other's change, and puts its own on top of it."""
    server.conflicts = 2
    await breaking.do("kill web", RECORDS)
    await breaking_by(server).do("kill web", RECORDS)
    assert [deed.did for deed in await breaking.deeds()] == [
        "the pod daytrader-web-b was killed",
        "the pod daytrader-web-a was killed",
    ]


async def test_what_was_done_and_not_noted_is_said(server: ApiServer, breaking: PodsBreaking) -> None:
    """The pod is gone all the same."""
    server.conflicts = 100
    with pytest.raises(BreakageError, match=r"the pod daytrader-web-a was killed, but that could not be noted: .*409"):
        await breaking.do("kill web", RECORDS)
    assert await breaking.deeds() == []


@pytest.mark.parametrize(
    "name",
    [
        *("kill workload", "kill redis", "kill daytrader-web-a", "delete daytrader-web-a", "delete load-1", "kill", ""),
        *("kill data-set", "delete", "quotes upset", "delete ../secrets/daytrader-admin"),
    ],
)
async def test_what_is_not_offered_is_not_done(server: ApiServer, breaking: PodsBreaking, name: str) -> None:
    """Neither pods that do not run, nor those of others, nor members by their set."""
    with pytest.raises(BreakageError, match="cannot be done at present"):
        await breaking.do(name, RECORDS)
    assert not [asked for asked in server.asked if asked.startswith(("DELETE", "PATCH"))]


async def test_another_pod_of_the_same_name_is_spared(server: ApiServer, breaking: PodsBreaking) -> None:
    """What was looked at is deleted, and not what took its place in the meantime."""
    server.vanish = True
    with pytest.raises(BreakageError, match="daytrader-data-set-1 was replaced meanwhile"):
        await breaking.do("delete daytrader-data-set-1", RECORDS)
    assert await breaking.deeds() == []


async def test_without_the_rights_it_says_which_value_is_off(server: ApiServer, breaking: PodsBreaking) -> None:
    """The chart's value is what gives them; other refusals are told as the API server words them."""
    for status, words in ((403, "the chart's operations.breaking gives"), (500, "500: etcdserver: request timed out")):
        server.refuses = status
        with pytest.raises(BreakageError, match=words):
            await breaking_by(server).offers()
        with pytest.raises(BreakageError, match=words):
            await breaking.do("kill web", RECORDS)
    server.refuses, server.token = 0, "another one"
    with pytest.raises(BreakageError, match="401: the token of the service account is not taken"):
        await breaking.deeds()


async def test_a_token_that_is_renewed_is_read_again(
    server: ApiServer, breaking: PodsBreaking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account's files are read at each request."""
    monkeypatch.setattr(pods_breaking, "FRESH_S", -1.0)
    await breaking.offers()
    server.renew_token("a newer one")
    assert await breaking.offers()


async def test_a_look_serves_all_pages_for_two_seconds(server: ApiServer, breaking: PodsBreaking) -> None:
    """Offers and deeds of many live pages are one look; one that failed is not tried again by each of them either."""
    for _ in range(3):
        await breaking.offers()
        await breaking.deeds()
    assert len(server.asked) == 3
    other = breaking_by(server)
    server.refuses = 500
    for _ in range(3):
        with pytest.raises(BreakageError):
            await other.offers()
    assert len(server.asked) <= 6


async def test_a_record_that_cannot_be_used_is_said(server: ApiServer) -> None:
    """One that is not there, or that somebody wrote into."""
    assert server.record is not None
    server.record["data"] = {"deeds.json": "nothing of ours"}
    with pytest.raises(BreakageError, match=f"deeds.json in configmaps/{RECORD} cannot be read, remove that key"):
        await breaking_by(server).deeds()
    server.record = None
    with pytest.raises(BreakageError, match=f'404: configmaps "{RECORD}" not found'):
        await breaking_by(server).deeds()


async def test_outside_of_a_pod_it_says_so(server: ApiServer, tmp_path: Path) -> None:
    """Without the token, or without an API server to ask."""
    nowhere = PodsBreaking(KubernetesApi(tmp_path / "none", server.environ), INSTANCE, RECORD, lambda: 0)
    with pytest.raises(BreakageError, match=r"there is no .*none/token: the pod has a token only where"):
        await nowhere.offers()
    alone = PodsBreaking(KubernetesApi(server.directory, {}), INSTANCE, RECORD, lambda: 0)
    with pytest.raises(BreakageError, match="this process runs in no pod of Kubernetes"):
        await alone.offers()


async def test_an_api_server_that_is_away_or_silent_is_said(
    server: ApiServer, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request is bounded in time."""
    environ = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(unused_tcp_port)}
    away = PodsBreaking(KubernetesApi(server.directory, environ), INSTANCE, RECORD, lambda: 0)
    with pytest.raises(BreakageError, match="the API server is not reached"):
        await away.offers()
    monkeypatch.setattr(kubernetes_api, "TIMEOUT_S", 0.000_001)
    with pytest.raises(BreakageError, match="the API server has not answered GET"):
        await breaking_by(server).offers()


def test_it_is_there_where_the_settings_say_so() -> None:
    """The chart sets both where operations.breaking is on."""
    assert breaking_of(load({})) is None
    given = {"DAYTRADER_BREAKING_INSTANCE": INSTANCE, "DAYTRADER_BREAKING_RECORD": RECORD}
    assert isinstance(breaking_of(load(given)), PodsBreaking)
