"""The audit service over HTTP: who may ask, what is answered, and how a log ends that cannot be completed."""

import asyncio
import socket
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import aiohttp
import msgspec
import pytest
from prometheus_client import REGISTRY

from daytrader.audit import app as audit_app
from daytrader.audit import service as audit_service
from daytrader.audit.app import create_app
from daytrader.audit.events import CLOSING, OPENING
from daytrader.audit.service import AuditService
from daytrader.audit.sqlite import SqliteAuditStore
from daytrader.health import Part
from daytrader.internal import Tokens
from daytrader.journal.port import Journal
from daytrader.serving import listen, serve
from daytrader.settings import Settings
from tests.audit.journals import PARTITIONS, Writer, added, dumplog, entry_of
from tests.audit.waits import until

TOKEN = "of-this-installation"
TOKENS = Tokens(TOKEN)
NO_PLACES: dict[int, int] = {}


@pytest.fixture
async def address(journal: Journal, tmp_path: Path) -> AsyncIterator[tuple[str, int]]:
    """Where a running audit service listens."""
    service = AuditService(Settings(partitions=PARTITIONS), journal, SqliteAuditStore(tmp_path / "served.sqlite"))
    work = service.start()
    listener = listen("127.0.0.1", 0)
    stop = asyncio.Event()
    app = create_app(service, TOKENS, "a build")
    serving = asyncio.create_task(serve(app, [listener], stop=stop, work=work, grace=1.0))
    yield listener.getsockname()
    stop.set()
    await serving
    await service.close()


@pytest.fixture
async def client(address: tuple[str, int]) -> AsyncIterator[aiohttp.ClientSession]:
    """A client that has the credential."""
    async with aiohttp.ClientSession(
        f"http://{address[0]}:{address[1]}",
        headers={"Authorization": TOKENS.authorization},
        timeout=aiohttp.ClientTimeout(total=30),
    ) as client:
        yield client


def asked(user: str | None, places: dict[int, int]) -> bytes:
    """The body of a request for a log."""
    return msgspec.msgpack.encode([user, places])


def ended(end: str) -> float:
    """How many whole logs have ended so."""
    return REGISTRY.get_sample_value("daytrader_audit_dumps_total", {"kind": "all", "end": end}) or 0.0


class TestCredential:
    @pytest.mark.parametrize("shown", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}])
    @pytest.mark.parametrize(("method", "path"), [("POST", "/dump"), ("GET", "/health"), ("GET", "/nowhere")])
    async def test_without_the_credential_nothing_is_told(
        self, address: tuple[str, int], method: str, path: str, shown: dict[str, str]
    ) -> None:
        """A request without the credential, or with a wrong one, is 401, whatever it asks for."""
        url = f"http://{address[0]}:{address[1]}{path}"
        async with aiohttp.request(method, url, data=asked(None, NO_PLACES), headers=shown) as response:
            assert response.status == 401
            assert response.headers["WWW-Authenticate"] == "Bearer"

    async def test_probes_need_no_credential(self, address: tuple[str, int]) -> None:
        """/live and /ready answer anybody."""
        for path in ("live", "ready"):
            async with aiohttp.request("GET", f"http://{address[0]}:{address[1]}/{path}") as response:
                assert response.status in {200, 503}


class TestLogs:
    async def test_whole_log_and_a_users(self, client: aiohttp.ClientSession, writer: Writer) -> None:
        """A log comes as XML, the whole one or a user's, up to the places asked for."""
        await writer.put(added("ann", 1), added("bob", 1))
        await writer.put(dumplog("ann"))
        async with client.post("/dump", data=asked(None, writer.heads)) as response:
            assert (response.status, response.content_type) == (200, "application/xml")
            whole = await response.text()
        assert whole.count("<userCommand>") == 3
        async with client.post("/dump", data=asked("bob", writer.heads)) as response:
            assert (await response.text()).count("<userCommand>") == 1

    @pytest.mark.parametrize("body", [b"", b"\xc1", b"not msgpack", msgspec.msgpack.encode({"user": None})])
    async def test_what_is_no_request_is_refused(self, client: aiohttp.ClientSession, body: bytes) -> None:
        """A body that is not understood is 400, with the reason."""
        async with client.post("/dump", data=body) as response:
            assert response.status == 400
            assert (await response.text()).startswith("this is no request for a log")

    async def test_partition_that_there_is_not_is_refused(self, client: aiohttp.ClientSession) -> None:
        """A partition beyond the last is 400."""
        async with client.post("/dump", data=asked(None, {99: 1})) as response:
            assert (response.status, await response.text()) == (
                400,
                f"there is no partition 99: there are {PARTITIONS}, counted from 0",
            )

    async def test_log_that_comes_too_late_is_503(
        self, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where the store does not reach the barriers in time, the answer is 503 with Retry-After, not half a log."""
        monkeypatch.setattr(audit_service, "BEHIND_LIMIT", 0.05)
        async with client.post("/dump", data=asked(None, {1: 7})) as response:
            assert (response.status, response.headers["Retry-After"]) == (503, "1")
            assert "has not reached entry 7 of partition 1" in await response.text()


class TestBrokenLogs:
    async def test_log_that_fails_midway_has_no_end(
        self, client: aiohttp.ClientSession, writer: Writer, tmp_path: Path
    ) -> None:
        """A log that fails after its beginning breaks the connection: the client cannot take it for a whole one."""
        for n in range(100):
            await writer.append({0: [added(f"user{n}", n + 1) for _ in range(30)]})
        async with client.post("/dump", data=asked(None, writer.heads)) as response:
            assert (await response.read()).endswith(CLOSING.encode())
        with closing(sqlite3.connect(tmp_path / "served.sqlite", isolation_level=None)) as file:
            file.execute("DELETE FROM entries WHERE place = 80")
        got = bytearray()

        async def read(response: aiohttp.ClientResponse) -> None:
            async for chunk in response.content.iter_any():
                got.extend(chunk)

        async with client.post("/dump", data=asked(None, writer.heads)) as response:
            assert response.status == 200
            with pytest.raises(aiohttp.ClientPayloadError):
                await read(response)
        assert got.startswith(OPENING.encode())
        assert CLOSING.encode() not in got

    async def test_client_that_goes_away_ends_the_dump(self, client: aiohttp.ClientSession, writer: Writer) -> None:
        """Nobody writes on for a client that is gone."""
        await self._fill(writer)
        before = ended("abandoned")
        response = await client.post("/dump", data=asked(None, writer.heads))
        await response.content.readany()
        response.close()
        await until(lambda: ended("abandoned") == before + 1)

    async def test_client_that_stops_reading_ends_the_dump(
        self, address: tuple[str, int], writer: Writer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A client that reads nothing gets no more than fits into the socket's buffers, and after a while is gone."""
        monkeypatch.setattr(audit_app, "STALLED", 0.3)
        await self._fill(writer)
        before, written = ended("abandoned"), self._written()
        body = asked(None, writer.heads)
        with socket.socket() as lazy:
            lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            lazy.connect(address)
            head = f"POST /dump HTTP/1.1\r\nHost: a\r\nAuthorization: {TOKENS.authorization}\r\n"
            lazy.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            await until(lambda: ended("abandoned") == before + 1)
        assert self._written() - written < 10_000_000

    async def _fill(self, writer: Writer) -> None:
        """A log of some 20 MB."""
        packed = entry_of(0, 1, 1, [added("ann", 1)] * 1_000)
        for n in range(50):
            await writer.append_packed(msgspec.structs.replace(packed, n=n + 1, first=n * 1_000 + 1))

    def _written(self) -> float:
        return REGISTRY.get_sample_value("daytrader_audit_dump_bytes_total") or 0.0


class TestHealth:
    async def test_health_is_a_list_of_parts(self, client: aiohttp.ClientSession) -> None:
        """/health tells each part and how it is; /ready follows, in words."""

        async def is_ready() -> bool:
            async with client.get("/ready") as response:
                return (response.status, await response.text()) == (200, "ready")

        await until(is_ready)
        async with client.get("/health") as response:
            parts = msgspec.json.decode(await response.read(), type=list[Part])
        assert [(part.name, part.ok) for part in parts] == [("audit", True), ("audit store", True)]

    async def test_blocked_partition_is_told_to_the_probe(
        self, client: aiohttp.ClientSession, journal: Journal
    ) -> None:
        """A log that cannot go on makes the service not ready, with the reason."""
        await journal.append([entry_of(2, 1, 1, [added("ann", 1)], format_number=99)])

        async def is_not_ready() -> bool:
            async with client.get("/ready") as response:
                return response.status == 503 and "has format 99" in await response.text()

        await until(is_not_ready)
