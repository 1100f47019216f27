"""`/batch` over real sockets: lines in, lines out in the same order."""

import asyncio
import json
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daytrader.domain.command import COMMAND_NAMES, AccountCommand, Command, Fault
from daytrader.transaction.message import Reply, Request
from daytrader.web.api import batch, lines
from daytrader.web.parameters import LARGEST_BODY
from tests.web.api.asking import ask, problem
from tests.web.client import Answer, Connection, exchange, get
from tests.web.conftest import Gained
from tests.web.stand_in import Behind

NDJSON = "Content-Type: application/x-ndjson"
TARGET = "/api/v1/batch"
CHUNKED = get(TARGET, NDJSON, "Transfer-Encoding: chunked", method="POST")


def line(command: str, user: str = "bob", **more: object) -> bytes:
    """Return a line of a batch."""
    return json.dumps({"command": command, "user": user, **more}).encode() + b"\n"


def chunk(piece: bytes) -> bytes:
    """Return a piece of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(piece), piece)


def told(answer: Answer) -> list[Any]:
    """Return the lines of the answer to a batch that came to its end."""
    assert (answer.status, answer.headers["content-type"], answer.complete) == (200, "application/x-ndjson", True)
    assert answer.body == b"" or answer.body.endswith(b"\n")
    return [json.loads(one) for one in answer.body.splitlines()]


async def run(port: int, *given_lines: bytes) -> list[Any]:
    """Send a batch and return the lines of its answer."""
    return told(await exchange(port, get(TARGET, NDJSON, method="POST", body=b"".join(given_lines))))


def by_command(request: Request) -> Reply:
    """Answer as the engine does."""
    assert request.command is not None
    if request.command.faults:
        return Reply(400, request.command.faults[0].refusal.encode())
    answers = {
        "QUOTE": Reply(200, b"5.00"),
        "BUY": Reply(200, b"", 0, (500, 2, 1000)),
        "COMMIT_SELL": Reply(400, b"Insufficient shares"),
    }
    return answers.get(request.command.name, Reply(200))


async def test_each_line_has_its_own_answer(behind: Behind, port: int) -> None:
    """A line is answered as the command by itself would be: with its status, its request id, and what it answers."""
    behind.answer = by_command
    answers = await run(
        port,
        line("ADD", amount_cents=1000, idempotency_key="first"),
        line("QUOTE", "amy", symbol="DOG"),
        line("BUY", symbol="DOG", amount_cents=1200),
        line("COMMIT_SELL", "joe"),
    )
    assert [(one["line"], one["status"]) for one in answers] == [(1, 200), (2, 200), (3, 201), (4, 400)]
    ids = {one.command: one.id for one in behind.requests}
    assert set(ids) == {
        Command("ADD", "bob", cents=1000),
        Command("QUOTE", "amy", "DOG"),
        Command("BUY", "bob", "DOG", 1200),
        Command("COMMIT_SELL", "joe"),
    }
    assert answers[0] == {"line": 1, "status": 200, "request_id": "k:first", "answer": {"request_id": "k:first"}}
    assert answers[1]["answer"] == {"symbol": "DOG", "price_cents": 500, "asked_at_ms": None, "source": None}
    assert answers[2]["answer"]["total_cents"] == 1000
    assert answers[3]["problem"]["code"] == "insufficient-shares"
    assert answers[3]["request_id"] == answers[3]["problem"]["request_id"] == ids[Command("COMMIT_SELL", "joe")]


@pytest.mark.parametrize(
    "broken",
    [
        *(b"{", b"[]", b"\xff", b'"ADD"', b'{"command":"ADD"}', b'{"command":"DUMPLOG","user":"bob"}'),
        *(b'{"command":"ADD","user":"bob","amount":"5.00"}', b'{"command":"ADD","user":"bob","amount_cents":"5"}'),
        *(line("ADD", idempotency_key="").strip(), line("ADD", idempotency_key="x" * 129).strip()),
        *(
            line("ADD", idempotency_key="\N{SNOWMAN}").strip(),
            b'{"command":"ADD","user":"bob","idempotency_key":"\\ud800"}',
        ),
    ],
)
async def test_a_broken_line_has_a_problem_and_the_others_go_on(behind: Behind, port: int, broken: bytes) -> None:
    """A line that cannot be read is no command; it is told in its place, and nothing else is held up by it."""
    answers = await run(port, line("COMMIT_BUY"), broken + b"\n", line("CANCEL_BUY"))
    assert [one["status"] for one in answers] == [200, 400, 200]
    assert answers[1]["problem"]["code"] == "malformed-request"
    assert "request_id" not in answers[1]
    assert [one.command for one in behind.requests] == [Command("COMMIT_BUY", "bob"), Command("CANCEL_BUY", "bob")]


async def test_a_long_line_has_a_problem_and_the_others_go_on(behind: Behind, port: int) -> None:
    """A line over the limit is refused by itself."""
    answers = await run(port, line("COMMIT_BUY", idempotency_key="x" * LARGEST_BODY), line("CANCEL_BUY"))
    assert [one["status"] for one in answers] == [413, 200]


async def test_a_field_that_fails_its_check_is_a_command(behind: Behind, port: int) -> None:
    """A missing amount, or a value that the rules refuse, travels on to be logged, as it does by itself."""
    behind.answer = by_command
    answers = await run(port, line("ADD"), line("QUOTE", "!!", symbol="DOG"))
    assert [one["problem"]["code"] for one in answers] == ["invalid-amount", "invalid-userid"]
    faults = {one.command.faults for one in behind.requests if one.command is not None}
    assert faults == {(Fault("amount", "", "Invalid amount"),), (Fault("userid", "!!", "Invalid userid"),)}


async def test_users_side_by_side_and_each_in_order(behind: Behind, port: int) -> None:
    """One user's next line waits for the answer to the one before, other users' do not; answers keep the order."""
    gate = asyncio.Event()
    behind.waits_for = lambda one: gate.wait() if one.command == Command("COMMIT_BUY", "bob") else None
    sending = asyncio.create_task(
        run(port, line("COMMIT_BUY"), line("CANCEL_BUY"), line("COMMIT_BUY", "amy"), line("CANCEL_BUY", "amy"))
    )
    async with asyncio.timeout(10):
        begun = [await behind.arrived.get() for _ in range(3)]
    assert {one.command for one in begun} == {
        Command("COMMIT_BUY", "bob"),
        Command("COMMIT_BUY", "amy"),
        Command("CANCEL_BUY", "amy"),
    }
    gate.set()
    answers = await sending
    assert [one["line"] for one in answers] == [1, 2, 3, 4]
    assert behind.requests[-1].command == Command("CANCEL_BUY", "bob")


async def test_answers_stream_while_the_body_comes(behind: Behind, port: int) -> None:
    """A line is answered when it is decided, not when the batch is over."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(CHUNKED + chunk(line("COMMIT_BUY")))
    async with asyncio.timeout(10):
        await reader.readuntil(b'"line":1')
        writer.write(chunk(line("CANCEL_BUY")) + b"0\r\n\r\n")
        await reader.readuntil(b'"line":2')
        await reader.readuntil(b"0\r\n\r\n")
    writer.close()
    assert len(behind.requests) == 2


async def test_a_client_may_send_all_before_it_takes_anything(behind: Behind, port: int) -> None:
    """The body is read to its end though no answer is taken: two that wait for each other would wait for ever."""
    body = b"".join(line("COMMIT_BUY", f"user{number}", idempotency_key="x" * 128) for number in range(10_000))
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
    writer.write(get(TARGET, NDJSON, method="POST", body=body))
    async with asyncio.timeout(30):
        await writer.drain()
        answer = await reader.readuntil(b'"line":10000,')
    writer.close()
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert len(behind.requests) == 10_000


async def test_an_empty_batch_has_an_empty_answer(behind: Behind, port: int) -> None:
    """Nothing asked, nothing answered."""
    assert await run(port) == []
    assert await run(port, b"\n\r\n  \n") == []
    assert not behind.requests


async def test_what_is_over_the_limit_is_told_at_the_end(
    behind: Behind, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lines up to the limit are done; the first that is not taken is named, and no further one is read."""
    monkeypatch.setattr(lines, "MOST_LINES", 2)
    answers = await run(port, *(line("COMMIT_BUY", f"user{number}") for number in range(5)))
    assert [(one["line"], one["status"]) for one in answers] == [(1, 200), (2, 200), (3, 413)]
    assert len(behind.requests) == 2


async def test_a_body_that_is_declared_too_large_is_refused_whole(behind: Behind, port: int) -> None:
    """A batch over 4 MiB that says so gets 413 before anything of it is done."""
    told_ = problem(await exchange(port, get(TARGET, NDJSON, "Content-Length: 4194305", method="POST")), 413)
    assert told_["code"] == "body-too-large"
    assert not behind.requests


async def test_another_media_type_is_refused(behind: Behind, port: int) -> None:
    """A batch says that it is lines of JSON."""
    answer = await ask(port, "POST", "/batch", {"command": "ADD"})
    assert problem(answer, 415)["code"] == "unsupported-media-type"


async def test_a_body_that_does_not_come_is_given_up(
    behind: Behind, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came within the limit is done, and the line that did not come is told."""
    monkeypatch.setattr(batch, "BATCH_SECONDS", 0.05)
    answers = told(await exchange(port, CHUNKED + chunk(line("COMMIT_BUY") + line("CANCEL_BUY")[:9])))
    assert [(one["line"], one["status"]) for one in answers] == [(1, 200), (2, 408)]


async def test_too_many_batches_are_refused(behind: Behind, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit of batches the next one gets 429 at once; then they are taken again."""
    monkeypatch.setattr(batch, "MOST_BATCHES", 1)
    gate = asyncio.Event()
    behind.waits_for = lambda _: gate.wait()
    held = asyncio.create_task(run(port, line("COMMIT_BUY")))
    await asyncio.wait_for(behind.arrived.get(), 10)
    answer = await exchange(port, get(TARGET, NDJSON, method="POST", body=line("COMMIT_BUY", "amy")))
    assert problem(answer, 429)["code"] == "too-many-requests"
    gate.set()
    assert [one["status"] for one in await held] == [200]
    assert [one["status"] for one in await run(port, line("COMMIT_BUY"))] == [200]


async def test_a_batch_has_a_limit_of_commands_under_way(
    behind: Behind, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many lines are begun and not sent, and no more, until the first of them is answered."""
    monkeypatch.setattr(batch, "MOST_AT_ONCE", 2)
    first, gate = Command("COMMIT_BUY", "user0"), asyncio.Event()
    behind.waits_for = lambda one: gate.wait() if one.command == first else None
    sending = asyncio.create_task(run(port, *(line("COMMIT_BUY", f"user{number}") for number in range(9))))
    async with asyncio.timeout(10):
        for _ in range(2):
            await behind.arrived.get()
    await exchange(port, get("/heartbeat"))
    assert len(behind.requests) == 2
    gate.set()
    assert [one["line"] for one in await sending] == list(range(1, 10))


async def test_a_lane_waits_while_answers_are_not_taken(
    behind: Behind, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With as many bytes of answers as may wait, only the line whose turn it is is decided, and all come in the end."""
    monkeypatch.setattr(batch, "MOST_UNSENT", 1)
    gate = asyncio.Event()
    behind.waits_for = lambda request: gate.wait() if request.command == Command("COMMIT_BUY", "alice") else None
    body = line("COMMIT_BUY", "alice") + b"".join(line("CANCEL_BUY") for _ in range(20)) + line("COMMIT_SELL")
    answering = asyncio.create_task(run(port, body))
    for _ in range(2):
        await asyncio.wait_for(behind.arrived.get(), 5)
    for _ in range(50):
        await asyncio.sleep(0)
    assert len(behind.requests) == 2
    gate.set()
    assert [one["line"] for one in await asyncio.wait_for(answering, 20)] == list(range(1, 23))


async def test_a_client_that_goes_away_ends_its_batch(behind: Behind, port: int) -> None:
    """What has not begun when the client closes the connection never does, and the batch makes room for another."""
    gate = asyncio.Event()
    behind.waits_for = lambda _: gate.wait()
    connection = await Connection.open(port)
    connection.writer.write(get(TARGET, NDJSON, method="POST", body=line("COMMIT_BUY") + line("CANCEL_BUY")))
    await asyncio.wait_for(behind.arrived.get(), 10)
    connection.close()
    await connection.writer.wait_closed()
    await exchange(port, get("/heartbeat"))
    gate.set()
    behind.waits_for = lambda _: None
    assert len(await run(port, line("COMMIT_SELL"))) == 1
    assert [one.command for one in behind.requests] == [Command("COMMIT_BUY", "bob"), Command("COMMIT_SELL", "bob")]


async def test_commands_are_counted(behind: Behind, port: int, gained: Gained) -> None:
    """A batch's commands are counted as all others."""
    await run(port, line("COMMIT_BUY"), line("COMMIT_BUY", "amy"), b"{\n")
    assert gained("daytrader_commands_total", command="COMMIT_BUY", outcome="accepted") == 2


async def test_a_log_is_not_had_by_a_batch(behind: Behind, port: int) -> None:
    """A batch takes every command but DUMPLOG, whose answer is a stream of its own."""
    assert set(get_args(AccountCommand)) == set(COMMAND_NAMES) - {"DUMPLOG"}
    (answer,) = await run(port, line("DUMPLOG"))
    assert (answer["status"], answer["problem"]["code"]) == (400, "malformed-request")
    assert behind.requests == []


_text = st.text(max_size=9)
_line = st.one_of(
    st.binary(max_size=40).map(lambda text: text.replace(b"\n", b"")),
    st.fixed_dictionaries(
        {"command": st.sampled_from(list(COMMAND_NAMES)) | _text, "user": _text},
        optional={"symbol": _text, "amount_cents": st.integers() | st.floats(), "idempotency_key": _text},
    ).map(lambda document: json.dumps(document).encode()),
)


@given(body=st.lists(_line, max_size=8))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_bytes_are_a_defect(behind: Behind, port: int, body: list[bytes]) -> None:
    """Whatever bytes come as lines, each that is not blank is answered in its place, and never by 5xx."""
    behind.answer = lambda _: Reply(400, b"User does not exist")
    answers = await run(port, *(one + b"\n" for one in body))
    assert [one["line"] for one in answers] == [number for number, one in enumerate(body, 1) if one.strip()]
    assert all(400 <= one["status"] < 500 for one in answers)
    msgspec.msgpack.encode(behind.requests)
