"""`/command/{COMMAND}` over real sockets."""

import asyncio
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daytrader.domain import refusal
from daytrader.domain.command import COMMAND_NAMES, Command, Fault
from daytrader.journal.entry import partition_of
from daytrader.transaction.message import Reply, encode_requests
from daytrader.web import command
from daytrader.web.parameters import LARGEST_BODY
from tests.web.client import Answer, Connection, exchange, get
from tests.web.stand_in import Behind

FORM = "Content-Type: application/x-www-form-urlencoded"


async def test_a_command_is_parsed_and_submitted(behind: Behind, port: int) -> None:
    """The parameters of the query become a checked command for its user's partition, at the time of its arrival."""
    answer = await exchange(port, get("/command/BUY?userid=alice&stockSymbol=ABC&amount=12.34", method="POST"))
    assert (answer.status, answer.body) == (200, b"")
    (request,) = behind.requests
    assert request.command == Command("BUY", "alice", "ABC", 1234)
    assert (request.partition, request.first_sent, request.attempt) == (partition_of("alice", 16), 1_234, 0)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_any_method_will_do(behind: Behind, port: int, method: str) -> None:
    """The method says nothing about a command."""
    assert (await exchange(port, get("/command/ADD?userid=alice&amount=1.00", method=method))).status == 200
    assert behind.requests[0].command == Command("ADD", "alice", cents=100)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ([FORM], b"userid=alice&stockSymbol=ABC&amount=1.00&command=SELL"),
        ([FORM + "; charset=utf-8"], b"userid=%61lice&stockSymbol=ABC&amount=1%2e00"),
        (
            ["Content-Type: multipart/form-data; boundary=x"],
            b'--x\r\nContent-Disposition: form-data; name="userid"\r\n\r\nalice\r\n--x\r\n'
            b'Content-Disposition: form-data; name="stockSymbol"\r\n\r\nABC\r\n--x\r\n'
            b'Content-Disposition: form-data; name="amount"\r\n\r\n1.00\r\n--x--\r\n',
        ),
    ],
)
async def test_a_form_gives_parameters(behind: Behind, port: int, headers: list[str], body: bytes) -> None:
    """Parameters may come in a form; the path says which command it is, whatever the form says."""
    assert (await exchange(port, get("/command/BUY", *headers, method="POST", body=body))).status == 200
    assert behind.requests[0].command == Command("BUY", "alice", "ABC", 100)


async def test_a_chunked_form_gives_parameters(behind: Behind, port: int) -> None:
    """A body whose length is not declared is read to its end."""
    request = get("/command/ADD", FORM, "Transfer-Encoding: chunked", method="POST")
    await exchange(port, request + b"7\r\nuserid=\r\n11\r\nalice&amount=1.00\r\n0\r\n\r\n")
    assert behind.requests[0].command == Command("ADD", "alice", cents=100)


async def test_the_query_goes_before_the_form(behind: Behind, port: int) -> None:
    """Where query and form both give a parameter, the query's counts; the first where one stands twice."""
    target = "/command/ADD?userid=alice&userid=bob"
    await exchange(port, get(target, FORM, method="POST", body=b"userid=carol&amount=1.00&amount=2.00"))
    assert behind.requests[0].command == Command("ADD", "alice", cents=100)


async def test_a_body_of_another_type_is_ignored(behind: Behind, port: int) -> None:
    """A body that is no form takes no part in the command."""
    await exchange(port, get("/command/ADD?userid=alice", "Content-Type: application/json", body=b'{"amount":"1.00"}'))
    assert behind.requests[0].command == Command("ADD", "alice", faults=(Fault("amount", "", refusal.INVALID_AMOUNT),))


@pytest.mark.parametrize("target", ["/command/", "/command/add", "/command/NONE", "/command/ADD/", "/command/%00"])
async def test_an_unknown_command_is_refused(behind: Behind, port: int, target: str) -> None:
    """A name that is none of the commands' gets 400 `Invalid command` and goes no further."""
    answer = await exchange(port, get(target))
    assert (answer.status, answer.body) == (400, b"Invalid command")
    assert not behind.requests


async def test_an_escaped_command_is_the_command(behind: Behind, port: int) -> None:
    """A path may be percent-encoded."""
    assert (await exchange(port, get("/command/%41DD?userid=a%6Cice&amount=1.00"))).status == 200
    assert behind.requests[0].command == Command("ADD", "alice", cents=100)


async def test_undecodable_bytes_fail_the_check_of_their_field(behind: Behind, port: int) -> None:
    """What is not UTF-8 is replaced, so that the field fails its check and the command is on record."""
    await exchange(port, get("/command/ADD?userid=%ff%fe&amount=1.00"))
    assert behind.requests[0].command == Command(
        "ADD", cents=100, faults=(Fault("userid", "\ufffd\ufffd", refusal.INVALID_USER),)
    )


async def test_a_refusal_is_answered_with_its_text(behind: Behind, port: int) -> None:
    """A refused command is answered 400 with the text as it is."""
    behind.answer = lambda _: Reply(400, b"Insufficient funds")
    answer = await exchange(port, get("/command/COMMIT_BUY?userid=alice"))
    assert (answer.status, answer.body) == (400, b"Insufficient funds")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("name", "body", "content_type"),
    [("QUOTE", b"5.00", "text/plain; charset=utf-8"), ("DISPLAY_SUMMARY", b'{"cents":0}', "application/json")],
)
async def test_an_answer_with_a_body(behind: Behind, port: int, name: str, body: bytes, content_type: str) -> None:
    """QUOTE answers plain text, DISPLAY_SUMMARY JSON."""
    behind.answer = lambda _: Reply(200, body)
    answer = await exchange(port, get(f"/command/{name}?userid=alice&stockSymbol=ABC"))
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, body, content_type)


@pytest.mark.parametrize("status", [429, 503])
async def test_an_overload_says_when_to_come_again(behind: Behind, port: int, status: int) -> None:
    """429 and 503 carry Retry-After, and the request id by which the log knows the command."""
    behind.answer = lambda _: Reply(status, b"not now")
    answer = await exchange(port, get("/command/QUOTE?userid=alice&stockSymbol=ABC"))
    assert (answer.status, answer.headers["retry-after"]) == (status, "1")
    assert answer.headers["x-request-id"] == behind.requests[0].id


async def test_too_many_commands_are_refused(behind: Behind, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit of commands under way the next one gets 429 at once."""
    monkeypatch.setattr(command, "MOST_UNDER_WAY", 3)
    gate = asyncio.Event()
    behind.waits_for = lambda _: gate.wait()
    held = [asyncio.create_task(exchange(port, get("/command/COMMIT_BUY?userid=alice"))) for _ in range(3)]
    async with asyncio.timeout(10):
        for _ in held:
            await behind.arrived.get()
    answer = await exchange(port, get("/command/COMMIT_BUY?userid=alice"))
    gate.set()
    assert (answer.status, answer.headers["retry-after"]) == (429, "1")
    assert [one.status for one in await asyncio.gather(*held)] == [200, 200, 200]


async def test_the_clients_key_is_the_request_id(behind: Behind, port: int) -> None:
    """A client's Idempotency-Key identifies the command; without one the web service gives an id of its own."""
    for headers in (["Idempotency-Key: my key/1"], [], []):
        await exchange(port, get("/command/COMMIT_BUY?userid=alice", *headers))
    ids = [request.id for request in behind.requests]
    assert ids[0] == "k:my key/1"
    assert ids[1].startswith("w:")
    assert ids[2].startswith("w:")
    assert len(set(ids)) == 3


@pytest.mark.parametrize("key", [b"", b"x" * 129, b"tab\there", "schlüssel".encode(), b"\xff"])
async def test_an_unusable_key_is_refused(behind: Behind, port: int, key: bytes) -> None:
    """A key that is empty, longer than 128 characters or not printable ASCII gets 400 and goes no further."""
    head = b"GET /command/COMMIT_BUY?userid=alice HTTP/1.1\r\nHost: x\r\nIdempotency-Key: " + key + b"\r\n\r\n"
    answer = await exchange(port, head)
    assert (answer.status, answer.body) == (400, b"Idempotency-Key must be 1 to 128 printable ASCII characters")
    assert not behind.requests


async def test_a_key_of_128_characters_is_used(behind: Behind, port: int) -> None:
    """The longest key there may be works."""
    await exchange(port, get("/command/COMMIT_BUY?userid=alice", "Idempotency-Key: " + "~" * 128))
    assert behind.requests[0].id == "k:" + "~" * 128


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_large_body_is_refused(behind: Behind, port: int, chunked: bool) -> None:
    """A body over 8 KiB gets 413, and the connection serves the next request."""
    body = b"x" * (LARGEST_BODY + 1)
    if chunked:
        large = get("/command/ADD", FORM, "Transfer-Encoding: chunked") + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    else:
        large = get("/command/ADD", FORM, body=body)
    connection = await Connection.open(port)
    answer = await connection.exchange(large)
    assert (answer.status, answer.body) == (413, b"The body is larger than 8192 bytes")
    assert (await connection.exchange(get("/command/COMMIT_BUY?userid=alice"))).status == 200
    connection.close()
    assert len(behind.requests) == 1


async def test_a_body_of_the_limit_is_read(behind: Behind, port: int) -> None:
    """A body of exactly 8 KiB is a form like any other."""
    body = b"userid=alice&amount=1.00&x=".ljust(LARGEST_BODY, b"x")
    assert (await exchange(port, get("/command/ADD", FORM, method="POST", body=body))).status == 200
    assert behind.requests[0].command == Command("ADD", "alice", cents=100)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x"),
        ("multipart/form-data; boundary=x", b"--x\r\nno header\r\n"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nx'),
        ("multipart/form-data; boundary=x; charset=undefined", b'--x\r\nContent-Disposition: form-data; name="u"\r\n'),
    ],
)
async def test_a_form_that_is_none_is_refused(behind: Behind, port: int, content_type: str, body: bytes) -> None:
    """A multipart body that cannot be read, or that brings files, gets 400 with the reason."""
    answer = await exchange(port, get("/command/ADD", f"Content-Type: {content_type}", method="POST", body=body))
    if answer.status == 200:
        assert behind.requests[0].command is not None
        assert behind.requests[0].command.faults
    else:
        assert answer.status == 400
        assert answer.body.startswith(b"The form cannot be read")


async def test_pipelined_commands_are_answered_in_order(behind: Behind, port: int) -> None:
    """Requests that a client sends without waiting are answered one after the other."""
    behind.answer = lambda request: Reply(400, request.command.user.encode() if request.command else b"")
    connection = await Connection.open(port)
    both = await connection.exchange(get("/command/COMMIT_BUY?userid=first") + get("/command/COMMIT_BUY?userid=second"))
    connection.close()
    assert both.body.startswith(b"first")


_any = st.binary(max_size=60)
_path = st.one_of(_any, st.sampled_from([name.encode() for name in COMMAND_NAMES]))
_escaped = st.booleans()
_names = st.sampled_from([b"userid", b"amount", b"stockSymbol", b"filename", b""])
_fields = st.lists(st.tuples(st.one_of(_names, _any), _any), max_size=5)
_types = st.one_of(
    st.sampled_from(
        [
            b"application/x-www-form-urlencoded",
            b"multipart/form-data; boundary=x",
            b"multipart/form-data; boundary=x; charset=utf-7",
            b"multipart/form-data; charset=idna; boundary=x",
        ]
    ),
    _any,
)
_part = b'--x\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'


def _query(fields: list[tuple[bytes, bytes]], *, escaped: bool) -> bytes:
    def text(value: bytes) -> bytes:
        return quote_from_bytes(value, safe="").encode() if escaped else value

    return b"&".join(text(name) + b"=" + text(value) for name, value in fields)


def _is_no_defect(answer: Answer) -> None:
    """4xx with a text, a valid result, or, for what is no HTTP at all, a closed connection."""
    if answer.status == 200:
        assert answer.body in (b"", b"<log></log>")
    else:
        assert 400 <= answer.status < 500, answer
        assert answer.body


@given(path=_path, query=_fields, escaped=_escaped, key=st.one_of(st.none(), _any))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_bytes_in_path_query_or_header_are_a_defect(
    behind: Behind, port: int, path: bytes, query: list[tuple[bytes, bytes]], escaped: bool, key: bytes | None
) -> None:
    """Whatever bytes come in the path, the query and the key, the answer is a result or a 4xx with a text."""
    target = b"/command/" + (quote_from_bytes(path).encode() if escaped else path)
    target += b"?" + _query(query, escaped=escaped)
    header = b"" if key is None else b"Idempotency-Key: " + key + b"\r\n"
    answer = await exchange(
        port, b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n" + header + b"Connection: close\r\n\r\n"
    )
    _is_no_defect(answer)
    encode_requests(behind.requests)  # whatever was let through can go to a replica


@given(name=st.sampled_from(list(COMMAND_NAMES)), kind=_types, fields=_fields, body=_any, what=st.integers(0, 2))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_bytes_in_a_body_are_a_defect(
    behind: Behind, port: int, name: str, kind: bytes, fields: list[tuple[bytes, bytes]], body: bytes, what: int
) -> None:
    """Whatever bytes come as a form, or as a body that says it is one, the answer is a result or a 4xx with a text."""
    if what == 0:
        body = _query(fields, escaped=True)
    elif what == 1:
        body = b"".join(_part % field for field in fields) + b"--x--\r\n"
    kind = kind.replace(b"\r", b"").replace(b"\n", b"")
    head = f"POST /command/{name} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n".encode()
    head += b"Content-Type: " + kind + b"\r\nConnection: close\r\n\r\n"
    _is_no_defect(await exchange(port, head + body))
    encode_requests(behind.requests)


@given(data=st.binary(min_size=1, max_size=200))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_bytes_at_all_are_a_defect(port: int, data: bytes) -> None:
    """Bytes that are no HTTP get a 4xx with a text, and never hold up the next client."""
    connection = await Connection.open(port)
    answer = await connection.exchange(data + b"\r\n\r\n", end=True)
    connection.close()
    if answer.status:
        _is_no_defect(answer)
    assert (await exchange(port, get("/heartbeat"))).body == b"pong"
