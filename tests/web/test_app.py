"""The routes of the web service beside the commands."""

import asyncio
import json

from daytrader.health import Part
from daytrader.internal import Tokens
from daytrader.membership import Alone, ProbedMembership, listed
from daytrader.session import InternalSession
from daytrader.web.app import WebApp
from tests.web.client import exchange, get
from tests.web.replica import TOKEN, HttpServer, Replica
from tests.web.stand_in import Behind, silent_hub


async def test_the_heartbeat(port: int) -> None:
    """`/heartbeat` answers `pong`, to any method."""
    for method in ("GET", "POST"):
        answer = await exchange(port, get("/heartbeat", method=method))
        assert (answer.status, answer.body) == (200, b"pong")


async def test_other_paths_are_not_found(port: int) -> None:
    """A path that is none of ours gets 404 with a text."""
    for target in ("/", "/command", "/commands/ADD", "/heartbeat/x", "/%00"):
        answer = await exchange(port, get(target))
        assert (answer.status, answer.body) == (404, b"Not Found")


async def test_the_version(port: int) -> None:
    """`/version` answers what is running."""
    assert (await exchange(port, get("/version"))).body == b"a build"


async def test_readiness_goes_off_at_draining_and_service_goes_on(behind: Behind) -> None:
    """A draining replica says that it is not ready, is alive, and still serves commands."""
    app = behind.app()
    async with HttpServer(app) as server:
        assert (await exchange(server.port, get("/ready"))).status == 200
        app.drain()
        answer = await exchange(server.port, get("/ready"))
        assert (answer.status, answer.body) == (503, b"it is draining: connect to another replica")
        assert (await exchange(server.port, get("/live"))).status == 200
        assert (await exchange(server.port, get("/command/COMMIT_BUY?userid=alice"))).status == 200


async def test_without_a_transaction_replica_nothing_is_ready(behind: Behind) -> None:
    """A web replica that knows no ready transaction replica is not ready, and its health is 503."""
    membership = ProbedMembership(listed(""), InternalSession(Tokens(TOKEN)))
    app = WebApp(behind, behind, membership, behind, silent_hub(), version="", partitions=16, clock=lambda: 0)
    async with HttpServer(app) as server:
        answer = await exchange(server.port, get("/ready"))
        assert (answer.status, answer.body) == (503, b"no transaction replica is ready")
        assert (await exchange(server.port, get("/health"))).status == 503


async def test_a_replica_that_cannot_look_tokens_up_yet_is_not_ready(behind: Behind) -> None:
    """A rollout waits for it, or those who are signed in would not be for a moment. Once ready it stays so."""
    why = ["identities and tokens cannot be had yet", "", "identities and tokens cannot be had yet"]
    app = WebApp(
        behind,
        behind,
        Alone("alone"),
        behind,
        silent_hub(),
        version="",
        partitions=16,
        clock=lambda: 0,
        auth_waits_for=lambda: why[0],
    )
    assert app.waits_for() == why.pop(0)
    assert app.waits_for() == why.pop(0) == ""
    assert app.waits_for() == ""


async def test_a_replica_that_was_ready_stays_so_without_a_transaction_replica(behind: Behind) -> None:
    """Commands wait for one, and an answer that says so is worth more than no connection; health is 503 meanwhile."""
    async with HttpServer(Replica().app) as transaction:
        membership = ProbedMembership(listed(transaction.url), InternalSession(Tokens(TOKEN)))
        app = WebApp(behind, behind, membership, behind, silent_hub(), version="", partitions=16, clock=lambda: 0)
        async with HttpServer(app) as server:
            probing = asyncio.create_task(membership.run())
            await asyncio.wait_for(membership.settled.wait(), 10)
            assert (await exchange(server.port, get("/ready"))).status == 200
            membership.suspect(transaction.url, "it is silent")
            assert (await exchange(server.port, get("/ready"))).status == 200
            probing.cancel()
            await asyncio.wait([probing])


async def test_health_names_what_is_wrong_while_trading_works(behind: Behind, port: int) -> None:
    """A part that is wrong makes `ok` false; the status stays 200 as long as commands are decided."""
    behind.said = [Part("redis", False, "is silent: each replica asks for its own quotes"), Part("audit", True, "well")]
    answer = await exchange(port, get("/health"))
    report = json.loads(answer.body)
    assert (answer.status, report["ok"]) == (200, False)
    assert [part["name"] for part in report["parts"]] == ["redis", "audit"]
    behind.said = behind.said[1:]
    assert json.loads((await exchange(port, get("/health"))).body)["ok"] is True
