"""Credentials and certificates that are exchanged while services serve."""

import asyncio
from pathlib import Path

import aiohttp
import pytest
import trustme
from starlette.responses import PlainTextResponse
from structlog.testing import capture_logs

from daytrader import changing_files
from daytrader.internal import InternalAuth
from daytrader.serving import listen, serve
from daytrader.settings import Settings
from daytrader.trust import Trust
from tests.audit.waits import until
from tests.certificates import Mounted
from tests.web.replica import HttpServer

TIMEOUT = aiohttp.ClientTimeout(total=10)


class Service:
    """A service with its own view of the mounted files, which it looks at when the test says so."""

    def __init__(self, mounted: Mounted) -> None:
        self.trust = Trust(Settings(internal_token_file=mounted.path("tokens")))
        self.app = InternalAuth(PlainTextResponse("let through"), self.trust.tokens, ())

    def look(self) -> None:
        """See what is mounted now."""
        for files in self.trust._files:
            files.look()


@pytest.mark.parametrize("first", ["servers", "clients"])
async def test_no_request_is_refused_while_the_credential_is_exchanged(tmp_path: Path, first: str) -> None:
    """In three steps, whoever sees each of them first, under traffic without a pause."""
    mounted = Mounted(tmp_path)
    mounted.put(tokens=b"old\n")
    server, client = Service(mounted), Service(mounted)
    order = [server, client] if first == "servers" else [client, server]
    statuses: dict[int, int] = {}
    shown: set[str] = set()
    ended = asyncio.Event()

    async def send(url: str) -> None:
        session = client.trust.session()
        while not ended.is_set():
            shown.add(client.trust.tokens.authorization)
            async with session.get(url, TIMEOUT) as response:
                statuses[response.status] = statuses.get(response.status, 0) + 1
        await session.close()

    async def some_traffic() -> None:
        answered = sum(statuses.values())
        await until(lambda: sum(statuses.values()) >= answered + 200)

    async with HttpServer(server.app) as listening, asyncio.TaskGroup() as senders, asyncio.timeout(60):
        for _ in range(8):
            senders.create_task(send(listening.url))
        for step in (b"old\nnew\n", b"new\nold\n", b"new\n"):
            mounted.put(tokens=step)
            for service in order:
                await some_traffic()
                service.look()
        await some_traffic()
        ended.set()
    assert shown == {"Bearer old", "Bearer new"}
    assert list(statuses) == [200]
    assert not server.trust.tokens.accept(b"Bearer old")


async def test_a_service_keeps_up_with_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credential, certificate and authority are renewed under a service that serves: what it shows next is the new one.

    A certificate whose key is another's changes nothing, and is told.
    """
    monkeypatch.setattr(changing_files, "LOOK_EVERY", 0.01)
    ca = trustme.CA()
    pair, tokens = Mounted(tmp_path / "tls"), Mounted(tmp_path / "internal")
    pair.put_certificate(ca, "web.shop.svc")
    tokens.put(tokens=b"old\n")
    settings = Settings(
        internal_token_file=tokens.path("tokens"), tls_cert=pair.certificate, tls_key=pair.key, tls_ca=pair.ca
    )
    trust = Trust(settings)
    listener, stop = listen("127.0.0.1", 0), asyncio.Event()
    url = f"https://127.0.0.1:{listener.getsockname()[1]}"
    app = InternalAuth(PlainTextResponse("let through"), trust.tokens, ())
    work = asyncio.create_task(trust.run())
    serving = asyncio.create_task(serve(app, [listener], stop=stop, work=work, tls=trust.server))

    async def status() -> int:
        session = trust.session("web.shop.svc")
        try:
            async with session.get(url, TIMEOUT) as response:
                return response.status
        finally:
            await session.close()

    async def until_told(count: int) -> None:
        with capture_logs() as logs:
            await until(lambda: len(logs) >= count)

    async with asyncio.timeout(30):
        assert await status() == 200
        tokens.put(tokens=b"new\n")
        await until_told(1)
        assert trust.tokens.authorization == "Bearer new"
        assert await status() == 200
        pair.put_mismatch(ca)
        await until_told(1)
        assert await status() == 200
        pair.put_certificate(trustme.CA(), "web.shop.svc")
        await until_told(2)  # certificate and authority
        assert await status() == 200
        stop.set()
        await serving
        work.cancel()
        await asyncio.wait([work])


def test_without_files_there_is_a_credential_and_no_tls() -> None:
    """What the settings do not name is not there."""
    trust = Trust(Settings(internal_token="one"))
    assert (trust.tokens.authorization, trust.server) == ("Bearer one", None)


def test_a_file_that_is_missing_at_the_start_is_an_error(tmp_path: Path) -> None:
    """A service whose credential is not mounted does not start with one of its own."""
    with pytest.raises(OSError, match="nowhere"):
        Trust(Settings(internal_token_file=str(tmp_path / "nowhere")))
