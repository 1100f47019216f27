"""Whole runs against servers that fail, say nothing or go away."""

import asyncio
import contextlib
import re
import socket
import time
from pathlib import Path

import msgspec
import pytest
import uvloop

from daytrader.workload.options import Options
from daytrader.workload.report import Report
from tests.workload.runs import QUICK, each, run_file, workload_of
from tests.workload.servers import EMPTY, Asked, ScriptedServer, response


@pytest.mark.parametrize(
    "trouble",
    [
        None,
        response(503, b"Quote unavailable"),
        response(429, b"", "Retry-After: 0"),
        response(502),
        b"\x00\x01\x02\r\n",
    ],
)
async def test_a_retry_has_the_same_key_and_another_connection(tmp_path: Path, trouble: bytes | None) -> None:
    """A closed connection, 429, 502, 503 or nonsense: the command is sent again, on a new connection, and counted."""
    answers = each(trouble, EMPTY)

    async def script(_: Asked) -> bytes | None:
        return next(answers)

    file = workload_of(tmp_path, "ADD,u,1.00", "COMMIT_BUY,u")
    async with ScriptedServer(script).running() as server:
        report = await run_file(file, server.url)
    first, again, other = server.asked
    assert first.key == again.key != other.key
    assert re.fullmatch(r"[0-9a-f]{12}-1", first.key or "")
    assert first.connection != again.connection == other.connection
    assert (report.exit_status, report.accepted, report.retried, report.resent) == (0, 2, 1, 1)


async def test_silence_is_answered_with_another_sending(tmp_path: Path) -> None:
    """Without an answer in time the command is sent again on a new connection; a late answer is nothing."""
    release = asyncio.Event()

    async def script(asked: Asked) -> bytes:
        if asked.connection == 1:
            await release.wait()
        release.set()
        return EMPTY

    async with ScriptedServer(script).running() as server, asyncio.timeout(20):
        report = await run_file(workload_of(tmp_path, "ADD,u,1.00", "COMMIT_BUY,u"), server.url)
    assert [asked.command for asked in server.asked] == ["ADD", "ADD", "COMMIT_BUY"]
    assert (report.accepted, report.retried, report.longest_gap_ms >= 200) == (2, 1, True)
    assert report.latency_ms.max >= 200


def test_a_stall_of_the_generator_is_not_the_servers_silence(tmp_path: Path) -> None:
    """When the generator itself got no CPU for a while, it reads the answers before it misses them."""

    async def script(_: Asked) -> bytes:
        time.sleep(0.5)  # noqa: ASYNC251 - the whole process stands still, server and generator
        return EMPTY

    async def stalled() -> Report:
        async with ScriptedServer(script).running() as server:
            return await run_file(workload_of(tmp_path, "ADD,u,1.00", "ADD,v,1.00"), server.url)

    report = uvloop.run(stalled())
    assert (report.accepted, report.resent) == (2, 0)


async def test_a_server_that_comes_back_is_found_again(tmp_path: Path) -> None:
    """Connections that are refused are tried again: a run survives a server that is started anew."""
    file = workload_of(tmp_path, *["ADD,u,1.00"] * 20)
    served = 0

    async def script(_: Asked) -> bytes | None:
        nonlocal served
        served += 1
        if served == 5:
            dies.set()
            return None
        return EMPTY

    dies = asyncio.Event()
    async with asyncio.timeout(20):
        async with ScriptedServer(script).running() as server:
            running = asyncio.create_task(run_file(file, server.url))
            await dies.wait()
        port = int(server.url.rpartition(":")[2])
        again = ScriptedServer(script)
        async with again.running(port):
            report = await running
    assert (report.exit_status, report.accepted, report.retried) == (0, 20, 1)


async def test_without_retries_there_is_no_key_and_trouble_is_failure(tmp_path: Path) -> None:
    """A closed connection or a 503 fails the command at once; the user's next is sent all the same."""
    answers = each(None, response(503, b"Quote unavailable"), EMPTY)

    async def script(_: Asked) -> bytes | None:
        return next(answers)

    file = workload_of(tmp_path, "ADD,u,1.00", "QUOTE,u,S", "COMMIT_BUY,u")
    async with ScriptedServer(script).running() as server:
        report = await run_file(file, server.url, Options(retry=False))
    assert [asked.key for asked in server.asked] == [None] * 3
    assert (report.exit_status, report.accepted, report.failed, report.server_errors) == (1, 1, 2, 0)
    assert report.failures == {"the connection was closed": 1, "answered 503 Quote unavailable": 1}
    assert [(failure.line, failure.command) for failure in report.failures_first] == [(1, "ADD"), (2, "QUOTE")]


async def test_a_command_fails_when_its_time_is_over(tmp_path: Path) -> None:
    """What is not acknowledged within the limit has failed, however often it was sent."""

    async def script(asked: Asked) -> bytes | None:
        return None if asked.command == "ADD" else EMPTY

    options = msgspec.structs.replace(QUICK, give_up_after_s=0.3)
    async with ScriptedServer(script).running() as server:
        report = await run_file(workload_of(tmp_path, "ADD,u,1.00", "COMMIT_BUY,u"), server.url, options)
    assert (report.exit_status, report.accepted, report.failed, report.retried) == (1, 1, 1, 1)
    assert report.failures == {"the connection was closed; given up after 0.3 s": 1}


async def test_connections_that_nobody_answers_are_tried_again_at_once(tmp_path: Path) -> None:
    """Each try lasts as long as an answer may; no back-off on top, for the next may lead to a replica that lives."""

    async def script(_: Asked) -> bytes | None:
        silent.set()
        return None

    silent = asyncio.Event()
    with socket.socket() as full:
        async with ScriptedServer(script).running() as server:
            options = msgspec.structs.replace(QUICK, give_up_after_s=1.0)
            running = asyncio.create_task(run_file(workload_of(tmp_path, "ADD,u,1.00"), server.url, options))
            await silent.wait()
        full.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        full.bind(("127.0.0.1", int(server.url.rpartition(":")[2])))
        full.listen(0)
        fillers = [await _connecting(full.getsockname()) for _ in range(4)]
        report = await running
        for filler in fillers:
            filler.close()
    assert report.failures == {"cannot connect (no answer within 0.2 s); given up after 1 s": 1}


async def _connecting(address: tuple[str, int]) -> socket.socket:
    """A connection that waits to be accepted, or for room to wait in."""
    filler = socket.socket()
    filler.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        filler.connect(address)
    return filler


@pytest.mark.parametrize(("status", "errors"), [(500, 1), (404, 0), (401, 0), (422, 0)])
async def test_other_statuses_fail_at_once(tmp_path: Path, status: int, errors: int) -> None:
    """A status that is neither an outcome nor a "not now" fails the command; 500 counts as a server error."""

    async def script(_: Asked) -> bytes:
        return response(status, b"text")

    async with ScriptedServer(script).running() as server:
        report = await run_file(workload_of(tmp_path, "ADD,u,1.00"), server.url)
    assert len(server.asked) == 1
    assert (report.exit_status, report.failed, report.server_errors) == (1, 1, errors)
    assert report.failures == {f"answered {status} text": 1}
