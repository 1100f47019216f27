"""DUMPLOG: barriers, then the log, streamed."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from daytrader.domain.command import Command, Fault
from daytrader.internal import InternalAuth, Tokens
from daytrader.journal.entry import partition_of
from daytrader.session import InternalSession
from daytrader.transaction.message import Reply
from daytrader.web import dump
from daytrader.web.dump import AuditUnavailableError, RemoteAuditLog
from tests.web.client import Connection, exchange, get
from tests.web.replica import TOKEN, HttpServer, free_port
from tests.web.stand_in import Behind

ONE = get("/command/DUMPLOG?userid=alice&filename=out.xml")
ALL = get("/command/DUMPLOG?filename=out.xml")


async def test_a_users_log_ends_at_the_command(behind: Behind, port: int) -> None:
    """A user's dump goes up to the entry in which the DUMPLOG itself stands."""
    behind.answer = lambda _: Reply(200, place=42)
    answer = await exchange(port, ONE)
    assert (answer.status, answer.body) == (200, b"<log></log>")
    assert answer.headers["content-type"] == "application/xml"
    assert [request.command for request in behind.requests] == [Command("DUMPLOG", "alice", filename="out.xml")]
    assert behind.dumps == [("alice", {partition_of("alice", 16): 42})]


async def test_the_whole_log_ends_at_a_barrier_in_every_partition(behind: Behind, port: int) -> None:
    """A dump of all puts the command into one partition and a bare barrier with an id of its own into all others."""
    behind.answer = lambda request: Reply(200, place=100 + request.partition)
    answer = await exchange(port, ALL)
    assert (answer.status, answer.body) == (200, b"<log></log>")
    commands = {request.partition: request.command for request in behind.requests}
    bearer = partition_of("", 16)
    assert commands == {n: Command("DUMPLOG", filename="out.xml") if n == bearer else None for n in range(16)}
    assert len({request.id for request in behind.requests}) == 16
    assert behind.dumps == [(None, {partition: 100 + partition for partition in range(16)})]


async def test_barriers_are_set_side_by_side(behind: Behind, port: int) -> None:
    """No barrier waits for another."""
    gate = asyncio.Event()
    behind.waits_for = lambda _: gate.wait()
    dumping = asyncio.create_task(exchange(port, ALL))
    async with asyncio.timeout(10):
        for _ in range(16):
            await behind.arrived.get()
    gate.set()
    assert (await dumping).status == 200


async def test_an_invalid_user_gets_no_dump(behind: Behind, port: int) -> None:
    """A userid that fails its check is refused like that of any command, and never taken for the whole log."""
    behind.answer = lambda _: Reply(400, b"Invalid userid")
    answer = await exchange(port, get("/command/DUMPLOG?userid=%21&filename=out.xml"))
    assert (answer.status, answer.body) == (400, b"Invalid userid")
    faults = (Fault("userid", "!", "Invalid userid"),)
    assert [request.command for request in behind.requests] == [Command("DUMPLOG", filename="out.xml", faults=faults)]
    assert not behind.dumps


async def test_without_every_barrier_there_is_no_dump(behind: Behind, port: int) -> None:
    """Where a partition does not take its barrier, its answer is the dump's."""
    behind.answer = lambda request: Reply(503, b"Outcome unknown") if request.partition == 3 else Reply(200, place=1)
    answer = await exchange(port, ALL)
    assert (answer.status, answer.body, answer.headers["retry-after"]) == (503, b"Outcome unknown", "1")
    assert not behind.dumps


async def test_an_audit_service_that_is_away_is_said(behind: Behind, port: int) -> None:
    """An error before the first chunk gets 503 with the reason."""

    async def away() -> AsyncGenerator[bytes, None]:
        raise AuditUnavailableError("it is asleep")
        yield b""

    behind.chunks = away
    answer = await exchange(port, ONE)
    assert (answer.status, answer.body) == (503, b"Log unavailable: it is asleep")


async def test_a_dump_that_breaks_off_is_seen_to_be_incomplete(behind: Behind, port: int) -> None:
    """An error midway ends the connection before the response's end."""

    async def breaking() -> AsyncGenerator[bytes, None]:
        yield b"<log>"
        raise AuditUnavailableError("it fell asleep")

    behind.chunks = breaking
    answer = await exchange(port, ONE)
    assert (answer.status, answer.body, answer.complete) == (200, b"<log>", False)


async def test_a_silent_audit_service_breaks_the_dump_off(
    behind: Behind, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chunk that does not come in its time ends the dump."""
    monkeypatch.setattr(dump, "CHUNK_SECONDS", 0.05)

    async def silent() -> AsyncGenerator[bytes, None]:
        yield b"<log>"
        await asyncio.Event().wait()

    behind.chunks = silent
    answer = await exchange(port, ONE)
    assert (answer.body, answer.complete) == (b"<log>", False)


async def test_a_client_that_goes_away_ends_its_dump(behind: Behind, port: int) -> None:
    """The log is read no further when nobody takes it."""
    ended = asyncio.Event()

    async def endless() -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield b"<log>" * 1000
                await asyncio.sleep(0)
        finally:
            ended.set()

    behind.chunks = endless
    connection = await Connection.open(port)
    connection.writer.write(ONE)
    await asyncio.wait_for(behind.arrived.get(), 10)
    connection.close()
    await asyncio.wait_for(ended.wait(), 10)


async def test_dumps_are_bounded(behind: Behind, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit of dumps under way the next one gets 429."""
    monkeypatch.setattr(dump, "MOST_DUMPS", 1)
    gate = asyncio.Event()
    behind.waits_for = lambda _: gate.wait()
    first = asyncio.create_task(exchange(port, ONE))
    await asyncio.wait_for(behind.arrived.get(), 10)
    refused = await exchange(port, ONE)
    gate.set()
    assert (refused.status, refused.body) == (429, b"Too many dumps are under way")
    assert (await first).status == 200
    assert (await exchange(port, ONE)).status == 200


class _Audit:
    """An audit service that notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.status = 200
        self.breaks = False
        self.app = InternalAuth(Starlette(routes=[Route("/dump", self._dump, methods=["POST"])]), Tokens(TOKEN), ())

    async def _dump(self, http: HttpRequest) -> Response:
        self.asked.append(await http.body())
        if self.status != 200:
            return PlainTextResponse("the audit store is behind", self.status)

        async def chunks() -> AsyncGenerator[bytes, None]:
            yield b"<log>"
            if self.breaks:
                raise ConnectionError("torn")
            yield b"</log>"

        return StreamingResponse(chunks())


async def _collect(url: str) -> tuple[bytes, str]:
    session = InternalSession(Tokens(TOKEN))
    got = b""
    try:
        async for chunk in RemoteAuditLog(url, session).dump(None, {0: 7, 1: 300}):
            got += chunk
    except AuditUnavailableError as error:
        return got, str(error)
    finally:
        await session.close()
    return got, ""


async def test_the_audit_service_is_asked_over_http() -> None:
    """The user and the places go out as msgpack, and the log comes back as it is."""
    audit = _Audit()
    async with HttpServer(audit.app) as server:
        assert await _collect(server.url) == (b"<log></log>", "")
    assert audit.asked == [b"\x92\xc0\x82\x00\x07\x01\xcd\x01\x2c"]


async def test_the_audit_services_refusal_is_told() -> None:
    """A status other than 200 is an error with the service's own words."""
    audit = _Audit()
    audit.status = 503
    async with HttpServer(audit.app) as server:
        got, error = await _collect(server.url)
    assert (got, error) == (b"", "the audit service answers 503: the audit store is behind")


async def test_a_torn_stream_is_an_error() -> None:
    """A log that breaks off on its way is never taken for a whole one."""
    audit = _Audit()
    audit.breaks = True
    async with HttpServer(audit.app) as server:
        got, error = await _collect(server.url)
    assert got == b"<log>"
    assert error.startswith("the audit service cannot be reached")


async def test_an_absent_audit_service_is_an_error() -> None:
    """Where nobody listens, that is said."""
    got, error = await _collect(f"http://127.0.0.1:{free_port()}")
    assert got == b""
    assert error.startswith("the audit service cannot be reached")
