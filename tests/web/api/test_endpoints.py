"""What the API makes of requests that are not as they should be, over real sockets."""

import asyncio
import json
from collections.abc import AsyncGenerator
from urllib.parse import quote_from_bytes

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daytrader.domain import refusal
from daytrader.domain.command import Command, Fault
from daytrader.transaction.message import Reply, encode_requests
from daytrader.web import dump
from daytrader.web.api import desk
from daytrader.web.api.operations import OPERATIONS, PREFIX
from daytrader.web.dispatch import NO_REPLICA, UNKNOWN
from daytrader.web.parameters import LARGEST_BODY
from tests.web.api.asking import JSON, ask, problem, said
from tests.web.client import exchange, get
from tests.web.conftest import Gained
from tests.web.stand_in import Behind

DEPOSITS = "/accounts/bob/deposits"


@pytest.mark.parametrize(
    ("path", "document", "fault"),
    [
        (
            "/accounts/b%6Fb/buys",
            {"symbol": "dog", "amount_cents": 5},
            Fault("stockSymbol", "dog", "Invalid stock symbol"),
        ),
        ("/accounts/!!/buys", {"symbol": "DOG", "amount_cents": 5}, Fault("userid", "!!", "Invalid userid")),
        ("/accounts/%ff/buys", {"symbol": "DOG", "amount_cents": 5}, Fault("userid", "\ufffd", "Invalid userid")),
        (DEPOSITS, {"amount_cents": 0}, Fault("amount", "0.00", "Amount cannot be zero")),
        (DEPOSITS, {"amount_cents": -5}, Fault("amount", "-0.05", "Invalid amount")),
        (DEPOSITS, {"amount_cents": 10**15 + 1}, Fault("amount", "10000000000000.01", "Amount is too large")),
        (DEPOSITS, {"amount_cents": 10**40}, Fault("amount", f"1{'0' * 38}.00", "Amount is too large")),
    ],
)
async def test_a_field_that_fails_its_check_travels_on(
    behind: Behind, port: int, path: str, document: object, fault: Fault
) -> None:
    """A value that the rules refuse is a command like any other, refused where the user's order is known."""
    await ask(port, "POST", path, document)
    (request,) = behind.requests
    assert request.command is not None
    assert request.command.faults == (fault,)


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"null", b"{}", b"\xff", b'{"amount_cents":"5"}', b'{"amount_cents":5.5}'),
        *(b'{"amount_cents":true}', b'{"amount_cents":null}', b'{"amount_cents":5,"currency":"CAD"}'),
        *(b'{"amount_cents":1e400}', b'{"amount_cents":' + b"9" * 8_000 + b"}", b'{"amount_cents":5}x'),
        b"[" * 8_000,
    ],
)
async def test_a_body_of_another_form_is_refused(behind: Behind, port: int, body: bytes) -> None:
    """What is not JSON, or not of the schema, gets 400 with the place of the error, and is no command."""
    request = get(f"/api/v1{DEPOSITS}", JSON, method="POST", body=body)
    told = problem(await exchange(port, request), 400)
    assert told["code"] == "malformed-request"
    assert not behind.requests


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "application/jsonx", ""])
async def test_another_media_type_is_refused(behind: Behind, port: int, kind: str) -> None:
    """Only a body that is said to be JSON is read: a form of another site cannot say that."""
    headers = [f"Content-Type: {kind}"] if kind else []
    body = b'{"amount_cents":5}'
    told = problem(await exchange(port, get(f"/api/v1{DEPOSITS}", *headers, method="POST", body=body)), 415)
    assert told["code"] == "unsupported-media-type"
    assert not behind.requests


async def test_a_media_type_may_have_parameters(behind: Behind, port: int) -> None:
    """`application/json; charset=utf-8`, in any letters, is JSON."""
    header = "Content-Type: Application/JSON ; charset=utf-8"
    request = get(f"/api/v1{DEPOSITS}", header, method="POST", body=b'{"amount_cents":5}')
    assert (await exchange(port, request)).status == 200
    assert behind.requests[0].command == Command("ADD", "bob", cents=5)


@pytest.mark.parametrize(
    "path", ["/", "/accounts", "/accounts//log", "/accounts/bob/", "/accounts/bob/nothing", "/%00", "/problems/none"]
)
async def test_a_path_that_is_none_is_not_found(behind: Behind, port: int, path: str) -> None:
    """A path that the table has not gets 404, as a problem; an empty user is none, least of all everybody."""
    assert problem(await ask(port, "GET", path), 404)["code"] == "not-found"
    assert not behind.requests


@pytest.mark.parametrize(("method", "path"), [("GET", DEPOSITS), ("POST", "/accounts/bob"), ("PATCH", "/log")])
async def test_another_method_is_not_allowed(behind: Behind, port: int, method: str, path: str) -> None:
    """A method that the path does not have gets 405, and the header Allow names those that it has."""
    answer = await ask(port, method, path)
    assert problem(answer, 405)["code"] == "method-not-allowed"
    assert answer.headers["allow"]
    assert method not in answer.headers["allow"].split(", ")
    assert not behind.requests


async def test_a_large_body_is_refused(behind: Behind, port: int) -> None:
    """A body over 8 KiB gets 413."""
    body = b" " * LARGEST_BODY + b"{}"
    told = problem(await exchange(port, get(f"/api/v1{DEPOSITS}", JSON, method="POST", body=body)), 413)
    assert told["code"] == "body-too-large"
    assert not behind.requests


async def test_a_body_that_does_not_come_is_given_up(
    behind: Behind, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A body that does not arrive within the limit gets 408."""
    monkeypatch.setattr("daytrader.web.parameters.BODY_SECONDS", 0.05)
    request = get(f"/api/v1{DEPOSITS}", JSON, "Content-Length: 20", method="POST")
    assert problem(await exchange(port, request), 408)["code"] == "body-too-slow"
    assert not behind.requests


async def test_the_clients_key_is_the_request_id(behind: Behind, port: int) -> None:
    """An Idempotency-Key names the command as it does at `/command/`."""
    answer = await ask(port, "POST", DEPOSITS, {"amount_cents": 5}, "Idempotency-Key: my key/1")
    assert said(answer)["request_id"] == "k:my key/1" == behind.requests[0].id
    await ask(port, "POST", DEPOSITS, {"amount_cents": 5})
    assert behind.requests[1].id.startswith("w:")


@pytest.mark.parametrize(("method", "path"), [("POST", DEPOSITS), ("GET", "/log")])
async def test_an_unusable_key_is_refused(behind: Behind, port: int, method: str, path: str) -> None:
    """A key that is too long gets 400 and goes no further."""
    document = {"amount_cents": 5} if method == "POST" else None
    answer = await ask(port, method, path, document, f"Idempotency-Key: {'x' * 129}")
    assert "Idempotency-Key must be" in problem(answer, 400)["detail"]
    assert not behind.requests


@pytest.mark.parametrize(
    ("reply", "code", "retry"),
    [
        (Reply(400, b"Insufficient funds"), "insufficient-funds", None),
        (Reply(422, b"The Idempotency-Key was used with another command"), "idempotency-key-reused", None),
        (Reply(429, b"Too many commands are under way"), "too-many-requests", "1"),
        (Reply(503, b"Quote unavailable"), "quote-unavailable", "1"),
        (NO_REPLICA, "unavailable", "1"),
        (UNKNOWN, "outcome-unknown", "1"),
        (Reply(500, b"Internal error"), "internal-error", None),
    ],
)
async def test_a_refusal_is_a_problem(behind: Behind, port: int, reply: Reply, code: str, retry: str | None) -> None:
    """What was not done is told with the text of the refusal, a code for programs, and the request's id."""
    behind.answer = lambda _: reply
    answer = await ask(port, "POST", "/accounts/bob/buys/commit")
    told = problem(answer, reply.status)
    assert (told["detail"], told["code"]) == (reply.body.decode(), code)
    assert told["request_id"] == behind.requests[0].id == answer.headers["x-request-id"]
    assert answer.headers.get("retry-after") == retry


async def test_a_log_that_cannot_be_had(behind: Behind, port: int) -> None:
    """A refused DUMPLOG, and an audit service that is away, are problems like any other."""
    behind.answer = lambda _: Reply(400, b"User does not exist")
    assert problem(await ask(port, "GET", "/accounts/bob/log"), 400)["code"] == "no-such-user"
    behind.answer = lambda _: Reply(200, place=1)

    async def away() -> AsyncGenerator[bytes, None]:
        raise dump.AuditUnavailableError("it is silent")
        yield b""

    behind.chunks = away
    told = problem(await ask(port, "GET", "/accounts/bob/log"), 503)
    assert (told["code"], told["detail"]) == ("unavailable", "Log unavailable: it is silent")


async def test_too_much_under_way_is_refused(behind: Behind, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit of commands under way the next one gets 429 at once."""
    monkeypatch.setattr(desk, "MOST_UNDER_WAY", 2)
    gate = asyncio.Event()
    behind.waits_for = lambda _: gate.wait()
    held = [asyncio.create_task(ask(port, "POST", "/accounts/bob/buys/commit")) for _ in range(2)]
    async with asyncio.timeout(10):
        for _ in held:
            await behind.arrived.get()
    answer = await ask(port, "POST", "/accounts/bob/buys/commit")
    gate.set()
    assert problem(answer, 429)["code"] == "too-many-requests"
    assert [one.status for one in await asyncio.gather(*held)] == [200, 200]


async def test_commands_are_counted(behind: Behind, port: int, gained: Gained) -> None:
    """The API's commands are counted with all others, logs included."""
    behind.answer = lambda request: Reply(200 if request.command == Command("DUMPLOG", "bob") else 400, b"", 1)
    await ask(port, "POST", "/accounts/bob/buys/commit")
    await ask(port, "GET", "/accounts/bob/log")
    assert gained("daytrader_commands_total", command="COMMIT_BUY", outcome="refused") == 1
    assert gained("daytrader_commands_total", command="DUMPLOG", outcome="accepted") == 1


async def test_a_defect_is_a_problem_too(behind: Behind, port: int) -> None:
    """An answer that cannot be made sense of is a 500 of the same form as all problems."""
    behind.answer = lambda _: Reply(200, b"no summary")
    assert problem(await ask(port, "GET", "/accounts/bob"), 500)["code"] == "internal-error"


_any = st.binary(max_size=60)
_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=5,
)
_fields = st.dictionaries(st.sampled_from(["amount_cents", "price_cents", "symbol"]), _value, max_size=3)
_bodies = _any | _fields.map(lambda fields: json.dumps(fields).encode())
_routes = st.sampled_from([(one.method, one.path) for one in OPERATIONS])


@given(route=_routes, user=_any, symbol=_any, body=_bodies, key=st.none() | _any)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_bytes_are_a_defect(
    behind: Behind, port: int, route: tuple[str, str], user: bytes, symbol: bytes, body: bytes, key: bytes | None
) -> None:
    """Whatever bytes come in path, body and key, the answer is a refusal or a receipt, and what goes on can be sent."""
    behind.answer = lambda _: Reply(400, refusal.NO_USER.encode())
    method, path = route
    path = path.replace("{user}", quote_from_bytes(user, safe="")).replace(
        "{symbol}", quote_from_bytes(symbol, safe="")
    )
    head = f"{method} {PREFIX}{path} HTTP/1.1\r\nHost: x\r\n{JSON}\r\nContent-Length: {len(body)}\r\n".encode()
    head += b"" if key is None else b"Idempotency-Key: " + key + b"\r\n"
    answer = await exchange(port, head + b"Connection: close\r\n\r\n" + body)
    assert 400 <= answer.status < 500, answer
    if answer.headers["content-type"] == "application/problem+json":
        assert msgspec.json.decode(answer.body)["detail"]
    encode_requests(behind.requests)
