"""The web service where everybody needs a token: what is answered, what is counted, and what is not even looked at."""

import asyncio

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from daytrader.auth.guard import Guard
from daytrader.auth.sqlite import SqliteAuthStore
from daytrader.auth.token import new_text
from daytrader.tracing import Tracing
from daytrader.transaction.message import Reply
from tests.web.client import Connection, exchange, get
from tests.web.conftest import Gained
from tests.web.guarded import Guarded, tokens_in
from tests.web.replica import TOKEN, HttpServer
from tests.web.stand_in import Behind

NOBODY = ""


async def test_without_a_token_nothing_is_looked_at(guarded: Guarded, behind: Behind, gained: Gained) -> None:
    """401 in plain text with a challenge, be the command known or not, whole or not; counted, and not decided."""
    for target in ("ADD?userid=alice&amount=1.00", "ADD?userid=!!&amount=x", "NONE", ""):
        answer = await exchange(guarded.port, guarded.ask(NOBODY, f"/command/{target}"))
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == 'Bearer realm="daytrader"'
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert answer.body.startswith(b"A bearer token is needed")
    assert gained("daytrader_commands_total", command="ADD", outcome="denied") == 2
    assert gained("daytrader_commands_total", command="unknown", outcome="denied") == 2
    assert behind.requests == []


async def test_a_token_that_is_not_good(guarded: Guarded, behind: Behind) -> None:
    """401 that says so, in words and in the challenge; the internal credential is no token."""
    for shown in (new_text(), "rubbish", TOKEN):
        answer = await exchange(guarded.port, get("/command/QUOTE?userid=alice", f"Authorization: Bearer {shown}"))
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == 'Bearer realm="daytrader", error="invalid_token"'
        assert answer.body == b"The bearer token is not good: it is unknown, expired or revoked"
    assert behind.requests == []


async def test_a_cookie_is_nobodys_proof(guarded: Guarded, behind: Behind) -> None:
    """Only the header counts: no cookie, no parameter, no password, or another site could trade by a link."""
    token = guarded.ask("broker", "/").decode().split("Bearer ")[1].split()[0]
    for request in (
        get("/command/ADD?userid=alice&amount=1.00", f"Cookie: token={token}; Authorization=Bearer {token}"),
        get(f"/command/ADD?userid=alice&amount=1.00&access_token={token}&token={token}"),
        get("/command/ADD?userid=alice&amount=1.00", f"X-Authorization: Bearer {token}"),
        get("/command/ADD?userid=alice&amount=1.00", f"Authorization: Basic {token}"),
    ):
        assert (await exchange(guarded.port, request)).status == 401
    assert behind.requests == []


async def test_a_trader_trades_for_itself_alone(guarded: Guarded, behind: Behind, gained: Gained) -> None:
    """403 in plain text for any other userid, wherever it stands: the one that would be decided counts."""
    form = "Content-Type: application/x-www-form-urlencoded"
    assert (await exchange(guarded.port, guarded.ask("alice", "/command/COMMIT_BUY?userid=alice"))).status == 200
    for request in (
        guarded.ask("alice", "/command/COMMIT_BUY?userid=bob"),
        guarded.ask("alice", "/command/COMMIT_BUY?userid=bob&userid=alice"),
        guarded.ask("alice", "/command/COMMIT_BUY"),
        guarded.ask("alice", "/command/COMMIT_BUY", form, body=b"userid=bob"),
        guarded.ask("alice", "/command/COMMIT_BUY?userid=bob", form, body=b"userid=alice"),
    ):
        answer = await exchange(guarded.port, request)
        assert (answer.status, answer.body) == (403, b"This is not yours to see or to do")
        assert answer.headers["www-authenticate"] == 'Bearer realm="daytrader", error="insufficient_scope"'
    assert gained("daytrader_commands_total", command="COMMIT_BUY", outcome="denied") == 5
    assert [request.command.user for request in behind.requests if request.command] == ["alice"]
    body = guarded.ask("alice", "/command/COMMIT_BUY", form, body=b"userid=alice")
    assert (await exchange(guarded.port, body)).status == 200


async def test_the_whole_log_is_for_admins(guarded: Guarded, behind: Behind) -> None:
    """A refused dump puts no barrier anywhere and reads nothing."""
    behind.answer = lambda _: Reply(200, place=1)
    for who in ("alice", "broker"):
        assert (await exchange(guarded.port, guarded.ask(who, "/command/DUMPLOG?filename=x"))).status == 403
    assert (behind.requests, behind.dumps) == ([], [])
    assert (await exchange(guarded.port, guarded.ask("admin", "/command/DUMPLOG?filename=x"))).status == 200
    assert behind.dumps[0][0] is None
    for who in ("alice", "broker", "admin"):
        request = guarded.ask(who, "/command/DUMPLOG?userid=alice&filename=x")
        assert (await exchange(guarded.port, request)).status == 200
    assert [user for user, _ in behind.dumps[1:]] == ["alice"] * 3


async def test_who_is_known_gets_the_usual_answers(guarded: Guarded) -> None:
    """An unknown command is 400 and what cannot be read is what it was, once it is clear who asks."""
    assert (await exchange(guarded.port, guarded.ask("alice", "/command/NONE"))).status == 400
    bad = guarded.ask("alice", "/command/ADD?userid=alice&amount=1.00", f"Idempotency-Key: {'x' * 129}")
    assert (await exchange(guarded.port, bad)).status == 400


async def test_a_refused_body_does_not_spoil_the_connection(guarded: Guarded) -> None:
    """What was not read of a refused request is not taken for the next one."""
    connection = await Connection.open(guarded.port)
    hidden = b"GET /command/ADD?userid=bob HTTP/1.1\r\nHost: x\r\n\r\n"
    for _ in range(3):
        assert (await connection.exchange(guarded.ask(NOBODY, "/command/ADD", body=hidden))).status == 401
        assert (await connection.exchange(guarded.ask("alice", "/command/COMMIT_BUY?userid=alice"))).status == 200
    connection.close()


async def test_who_may_see_how_it_is(guarded: Guarded) -> None:
    """`/health` is for admins and the installation's own services; the probes and the heartbeat are for anybody."""
    for who, status in ((NOBODY, 401), ("alice", 403), ("broker", 403), ("admin", 200)):
        answer = await exchange(guarded.port, guarded.ask(who, "/health", method="GET"))
        assert answer.status == status
        assert ("www-authenticate" in answer.headers) == (status != 200)
    own = await exchange(guarded.port, get("/health", f"Authorization: Bearer {TOKEN}"))
    assert own.status == 200
    for path in ("/heartbeat", "/live", "/ready", "/version"):
        assert (await exchange(guarded.port, guarded.ask(NOBODY, path, method="GET"))).status == 200


async def test_tokens_and_traces_go_together(behind: Behind, store: SqliteAuthStore) -> None:
    """With tracing on, a refused command makes no span, and an accepted one goes on under the client's trace."""
    spans: list[bytes] = []

    async def collect(request: Request) -> Response:
        spans.append(await request.body())
        return Response()

    guard = Guard(store, lambda: 1_234)
    tokens = await tokens_in(store)
    async with HttpServer(Starlette(routes=[Route("/v1/traces", collect, methods=["POST"])])) as collector:
        tracing = Tracing(f"{collector.url}/v1/traces", "web", "0")
        async with HttpServer(behind.app(guard, tracing)) as server:
            guarded = Guarded(server.port, tokens)
            parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
            for command, user, status in (("CANCEL_BUY", "bob", 403), ("COMMIT_BUY", "alice", 200)):
                asked = guarded.ask("alice", f"/command/{command}?userid={user}", f"traceparent: {parent}")
                assert (await exchange(server.port, asked)).status == status
        await asyncio.to_thread(tracing.close)
    assert [request.trace.split("-")[1] for request in behind.requests] == [parent.split("-")[1]]
    assert b"command COMMIT_BUY" in b"".join(spans)
    assert b"command CANCEL_BUY" not in b"".join(spans)
    await guard.close()
