"""The API where everybody needs a token: every operation by everybody, and what is not even looked at."""

import asyncio
import json

import pytest

from daytrader.auth.guard import Guard
from daytrader.auth.sqlite import SqliteAuthStore
from daytrader.auth.token import new_text, stored
from daytrader.transaction.message import Reply
from daytrader.web.api.operations import LOGS, OPERATIONS
from tests.web.api.asking import JSON, problem
from tests.web.client import exchange, get
from tests.web.conftest import Gained
from tests.web.guarded import Guarded
from tests.web.replica import HttpServer
from tests.web.stand_in import Behind

NOBODY = ""
NDJSON = "Content-Type: application/x-ndjson"
FIELDS = {"symbol": "DOG", "amount_cents": 100, "price_cents": 100}
TABLE = [
    *((one.method, one.path, one.command, one.body) for one in OPERATIONS),
    *(("GET", log.path, "DUMPLOG", None) for log in LOGS if "{user}" in log.path),
]
"""Every operation on an account: method, path, command, what it takes."""


@pytest.mark.parametrize(("method", "path", "command", "takes"), TABLE, ids=[f"{one[0]} {one[1]}" for one in TABLE])
async def test_every_operation_by_everybody(
    guarded: Guarded, behind: Behind, gained: Gained, method: str, path: str, command: str, takes: type | None
) -> None:
    """Nobody gets 401, a trader 403 for another's account, and nothing is decided; all others come as far as that."""
    behind.answer = lambda _: Reply(400, b"Invalid userid")
    names = () if takes is None else takes.__struct_fields__  # type: ignore[attr-defined]
    body = json.dumps({name: FIELDS[name] for name in names}).encode() if names else b""
    for who, user, status in (
        (NOBODY, "alice", 401),
        ("alice", "bob", 403),
        ("alice", "alice", 400),
        ("broker", "alice", 400),
        ("admin", "alice", 400),
    ):
        before = len(behind.requests)
        target = f"/api/v1{path.format(user=user, symbol='DOG')}"
        answer = await exchange(guarded.port, guarded.ask(who, target, JSON, method=method, body=body))
        told = problem(answer, status)
        assert ("www-authenticate" in answer.headers) == (status in (401, 403))
        assert (told["code"] in ("unauthenticated", "forbidden")) == (status in (401, 403))
        assert len(behind.requests) - before == (status == 400)
    assert gained("daytrader_commands_total", command=command, outcome="denied") == 2


async def test_the_whole_log_is_for_admins(guarded: Guarded, behind: Behind) -> None:
    """A trader and a broker get 403, and no barrier is put anywhere; an admin gets it."""
    behind.answer = lambda _: Reply(200, place=1)
    for who in ("alice", "broker"):
        problem(await exchange(guarded.port, guarded.ask(who, "/api/v1/log", method="GET")), 403)
    assert (behind.requests, behind.dumps) == ([], [])
    assert (await exchange(guarded.port, guarded.ask("admin", "/api/v1/log", method="GET"))).status == 200


async def test_a_batch_is_asked_line_by_line(guarded: Guarded, behind: Behind, gained: Gained) -> None:
    """Nobody gets 401 and no line is read; of a trader's lines those for another are 403, and the others go on."""
    users = ("alice", "bob", "alice")
    lines = b"".join(json.dumps({"command": "COMMIT_BUY", "user": user}).encode() + b"\n" for user in users)
    refused = await exchange(guarded.port, guarded.ask(NOBODY, "/api/v1/batch", NDJSON, body=lines))
    assert problem(refused, 401)["code"] == "unauthenticated"
    assert behind.requests == []
    answer = await exchange(guarded.port, guarded.ask("alice", "/api/v1/batch", NDJSON, body=lines))
    assert [json.loads(line)["status"] for line in answer.body.splitlines()] == [200, 403, 200]
    assert [request.command.user for request in behind.requests if request.command] == ["alice", "alice"]
    assert gained("daytrader_commands_total", command="COMMIT_BUY", outcome="denied") == 1


async def test_a_cookie_is_nobodys_proof(guarded: Guarded, behind: Behind) -> None:
    """Only the header counts, or another site could trade in the name of whoever looks at it."""
    token = guarded.ask("broker", "/").decode().split("Bearer ")[1].split()[0]
    for shown in (f"Cookie: token={token}", f"Authorization: Basic {token}", f"X-Authorization: Bearer {token}"):
        problem(await exchange(guarded.port, get("/api/v1/accounts/alice", shown)), 401)
    assert behind.requests == []


async def test_the_document_is_for_anybody(guarded: Guarded) -> None:
    """Whoever wants to learn what the API is needs no token for that."""
    for path in ("/docs", "/docs.js", "/docs.css", "/openapi.json", "/problems/forbidden"):
        answer = await exchange(guarded.port, guarded.ask(NOBODY, f"/api/v1{path}", method="GET"))
        assert answer.status == 200


async def test_a_batch_is_over_for_a_token_that_expires_meanwhile(behind: Behind, store: SqliteAuthStore) -> None:
    """Lines that come later are 401, each by its own; what was decided before stays."""
    now = 1_000
    text = new_text()
    await store.add_token(stored(text, "load", "broker", now=1, expires=2_000))
    guard = Guard(store, lambda: now)
    line = b'{"command":"COMMIT_BUY","user":"bob"}\n'
    async with HttpServer(behind.app(guard)) as server, asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            f"POST /api/v1/batch HTTP/1.1\r\nHost: x\r\n{NDJSON}\r\nAuthorization: Bearer {text}\r\n".encode()
            + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(line), line)
        )
        await reader.readuntil(b'"line":1,"status":200')
        now = 2_000
        writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(line), line))
        rest = await reader.readuntil(b"0\r\n\r\n")
        writer.close()
    await guard.close()
    assert b'"line":2,"status":401' in rest
    assert b'"code":"unauthenticated"' in rest
    assert len(behind.requests) == 1
