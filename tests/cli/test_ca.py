"""`--ca` and DAYTRADER_CA: the commands of clients by https."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from daytrader.health import Part
from daytrader.serving import listen, serve
from daytrader.tls import ServerTls
from tests.certificates import Mounted
from tests.program import daytrader
from tests.web.stand_in import Behind


@pytest.fixture
def mounted(tmp_path: Path) -> Mounted:
    """The web service's files; its certificate is for this machine."""
    mounted = Mounted(tmp_path / "tls")
    mounted.put_certificate(trustme.CA(), "127.0.0.1")
    return mounted


@asynccontextmanager
async def web(mounted: Mounted) -> AsyncIterator[str]:
    """The URL of a web service that accepts everything."""
    behind = Behind()
    behind.said = [Part("redis", True, "shares quotes")]
    listener, stop = listen("127.0.0.1", 0), asyncio.Event()
    tls = ServerTls(mounted.certificate, mounted.key)
    serving = asyncio.create_task(serve(behind.app(), [listener], stop=stop, tls=tls))
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stop.set()
        await serving


async def test_status_by_https(mounted: Mounted, tmp_path: Path) -> None:
    """The CA is named by the option or by the environment; without it, the server is not believed."""
    async with web(mounted) as url:
        status, out = await daytrader("status", "--url", url, "--ca", mounted.ca)
        assert (status, "shares quotes" in out) == (0, True)
        status, out = await daytrader("status", "--url", url, DAYTRADER_CA=mounted.ca)
        assert (status, "shares quotes" in out) == (0, True)
        status, out = await daytrader("status", "--url", url)
        assert (status, "CERTIFICATE_VERIFY_FAILED" in out) == (1, True)
        status, out = await daytrader("status", "--url", url, "--ca", str(tmp_path / "missing"))
        assert (status, "does not exist" in out) == (2, True)


async def test_workload_run_by_https(mounted: Mounted, tmp_path: Path) -> None:
    """A run takes the CA from the environment, in all its processes."""
    file = tmp_path / "day.txt"
    file.write_text("".join(f"[{number}] ADD,u{number % 2},1.00\n" for number in range(1, 21)))
    async with web(mounted) as url:
        status, out = await daytrader(
            *("workload", "run", str(file), "--url", url, "--processes", "2"), DAYTRADER_CA=mounted.ca
        )
    assert (status, "Every command that was sent is acknowledged." in " ".join(out.split())) == (0, True)


async def test_verify_asks_by_https(mounted: Mounted, tmp_path: Path) -> None:
    """The balances of a log without users are compared with nobody's, but the CA's file is looked at."""
    log = tmp_path / "log.xml"
    log.write_text('<?xml version="1.0"?>\n<log>\n</log>\n')
    async with web(mounted) as url:
        status, out = await daytrader("verify", str(log), "--url", url, "--ca", mounted.ca)
        assert (status, "Nothing is wrong" in out) == (0, True)
        status, out = await daytrader("verify", str(log), "--url", url, "--ca", str(log))
        assert (status, "is no file of CA certificates" in " ".join(out.split())) == (1, True)
