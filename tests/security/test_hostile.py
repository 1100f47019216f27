"""Requests made to do harm: paths that lead elsewhere, headers within values, bodies without end, two in one."""

import asyncio
from pathlib import Path

import pytest

from daytrader.web.api.batch_line import NDJSON
from daytrader.web.api.lines import LARGEST_BATCH
from daytrader.web.parameters import LARGEST_BODY
from tests.security.asking import ask, request_of
from tests.security.callers import ALICE
from tests.security.conftest import Kept
from tests.security.table import TABLE, Row
from tests.web.client import get

CLIMBING = (
    "../../../../etc/passwd",
    "..%2f..%2f..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "..%252f..%252fetc%252fpasswd",
    "..\\..\\..\\etc\\passwd",
    "..%5c..%5cetc%5cpasswd",
    "....//....//etc/passwd",
    "/etc/passwd",
    "//etc/passwd",
    "%00",
    "docs.css%00.html",
    "identities.sqlite",
    "admin-password",
)
BELOW = ("/", "/static/", "/api/v1/", "/api/v1/problems/", "/api/v1/accounts/", "/command/")


async def test_no_path_leads_to_a_file_that_is_not_the_pages_own(kept: Kept) -> None:
    """What climbs out of an address below which files are served is no address: nothing of a file comes back."""
    shown = f"Authorization: Bearer {kept.tokens['admin']}"
    for below in BELOW:
        for climbing in CLIMBING:
            answer = await ask(kept.port, get(below + climbing, shown, "Connection: close"))
            assert answer.status in (303, 400, 401, 403, 404, 405), (below + climbing, answer.status)
            assert b"root:" not in answer.body
            assert b"SQLite format" not in answer.body


async def test_the_filename_of_a_dump_is_a_text_in_the_log_and_no_place(kept: Kept, tmp_path: Path) -> None:
    """DUMPLOG answers the log: no file of that name is written or read, and it can break neither log nor answer."""
    written = tmp_path / "written-by-dumplog"
    for name in (
        f"../../../../../../../../../..{written}",
        "/etc/passwd",
        "a%22b%3Cc%3E%26",
        "x%0d%0aSet-Cookie:%20a=b",
        "%00",
    ):
        answer = await kept.ask(Row("GET", f"/command/DUMPLOG?userid={ALICE}&filename={name}", {}, ""), "trader")
        assert answer.status in (200, 400), name
        assert "set-cookie" not in answer.headers
        assert b"root:" not in answer.body
    assert not written.exists()


INJECTED = "x-injected"
BREAKS = (
    "%0d%0aX-Injected:%20yes",
    "%0aX-Injected:%20yes",
    "%E5%98%8D%E5%98%8AX-Injected:%20yes",
    "%00X-Injected:%20yes",
)


async def test_no_value_becomes_a_header(kept: Kept) -> None:
    """A line end in any path or parameter comes back in no header and makes no answer out of one."""
    shown = f"Authorization: Bearer {kept.tokens['admin']}"
    targets = {row.target.partition("?")[0] for row in TABLE if row.ends}
    targets |= {f"/command/{name}" for name in ("ADD", "QUOTE", "DUMPLOG")}
    for target in sorted(targets):
        for line_end in BREAKS:
            for hostile in (f"{target}{line_end}", f"{target}?userid={line_end}&filename={line_end}&next=/{line_end}"):
                answer = await ask(kept.port, get(hostile, shown, "Connection: close"))
                assert answer.status, hostile
                assert answer.status < 500, hostile
                assert INJECTED not in answer.headers, hostile


@pytest.mark.parametrize("value", ["a\rb: c", "a\nX-Injected: yes", "a\x00b", "a\x0bb", "\x7f"])
async def test_a_header_with_control_characters_is_refused_or_comes_back_in_no_header(kept: Kept, value: str) -> None:
    """What a client may name, its key and its trace, is looked at before it is told to anybody."""
    for name in ("Idempotency-Key", "traceparent", "X-Request-Id", "Last-Event-ID", "Origin"):
        row = Row("POST", f"/command/COMMIT_SELL?userid={ALICE}", {}, "")
        answer = await kept.ask(row, "trader", f"{name}: {value}")
        assert answer.status in (0, 400), (name, answer)
        assert INJECTED not in answer.headers


SMUGGLED = b"GET /command/ADD?userid=bob&amount=1.00 HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5",
        b"Content-Length: 5\r\nContent-Length: 6",
        b"Content-Length: -1",
        b"Content-Length: 99999999999999999999999",
        b"Content-Length: 5\r\nTransfer-Encoding: xchunked",
        b"Transfer-Encoding: chunked, identity",
        b"Content-Length : 5",
        b" Content-Length: 5",
    ],
)
async def test_a_body_whose_length_two_could_read_differently_is_refused(kept: Kept, framing: bytes) -> None:
    """So that no proxy in front sees one request where there are two: the connection ends without the second."""
    before = kept.stored()
    shown = f"Authorization: Bearer {kept.tokens['broker']}".encode()
    head = b"POST /command/COMMIT_BUY?userid=alice HTTP/1.1\r\nHost: x\r\n" + shown + b"\r\n" + framing + b"\r\n\r\n"
    smuggled = SMUGGLED.replace(b"Host: x", b"Host: x\r\n" + shown)
    answer = await ask(kept.port, head + b"0\r\n\r\n" + smuggled)
    assert answer.status in (0, 400)
    assert kept.stored() == before


async def test_bodies_that_are_too_large_are_refused_everywhere(kept: Kept) -> None:
    """413 from the length that is told, before any of it is read; none changes anything."""
    before = kept.stored()
    for row in TABLE:
        if row.body:
            most = LARGEST_BATCH if row.media_type == NDJSON else LARGEST_BODY
            head = request_of(row, f"Authorization: Bearer {kept.tokens['trader']}").partition(b"\r\nContent-Length")[0]
            told = b"\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n" % (row.media_type.encode(), most + 1)
            assert (await ask(kept.port, head + told)).status == 413, row.name
    assert kept.stored() == before


async def test_a_body_without_end_is_cut_off(kept: Kept) -> None:
    """In chunks of no told length: refused as soon as it is larger than what is read, for commands and operations."""
    before = kept.stored()
    shown = f"Authorization: Bearer {kept.tokens['trader']}".encode()
    for target, media_type in (
        (b"/command/COMMIT_BUY?userid=alice", b"application/x-www-form-urlencoded"),
        (b"/api/v1/accounts/alice/deposits", b"application/json"),
    ):
        head = b"POST %b HTTP/1.1\r\nHost: x\r\n%b\r\nContent-Type: %b\r\n" % (target, shown, media_type)
        chunks = b"Transfer-Encoding: chunked\r\n\r\n" + (b"1000\r\n" + b"x" * 4_096 + b"\r\n") * 3
        assert (await ask(kept.port, head + chunks)).status == 413
    assert kept.stored() == before


async def test_without_a_token_a_large_body_is_not_even_read(kept: Kept) -> None:
    """Nobody's bytes wait in memory: the refusal comes at once, whatever length is told."""
    async with asyncio.timeout(5):
        for row in TABLE:
            if row.gets["nobody"] == 401:
                head = request_of(row).partition(b"\r\nContent-Length")[0].removesuffix(b"\r\n\r\n")
                told = head + b"\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 1_000
                assert (await ask(kept.port, told)).status == 401, row.name
