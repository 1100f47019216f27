"""The load generator and the other clients by https."""

import asyncio
from pathlib import Path

import pytest
import trustme

from daytrader.tls import ServerTls, TlsFileError
from daytrader.workload.options import Options
from daytrader.workload.runner import UnreachableError
from daytrader.workload.verify.asking import Asking
from daytrader.workload.verify.findings import Findings
from daytrader.workload.verify.replay import Replay
from tests.certificates import Mounted
from tests.workload.runs import run_file, workload_of
from tests.workload.servers import EMPTY, Asked, ScriptedServer, always_empty, response

LOG = b"<log>\n</log>\n"


@pytest.fixture
def mounted(tmp_path: Path) -> Mounted:
    """The web service's files; its certificate is for this machine."""
    mounted = Mounted(tmp_path / "tls")
    mounted.put_certificate(trustme.CA(), "127.0.0.1")
    return mounted


@pytest.mark.parametrize("processes", [1, 2])
async def test_a_run_by_https(tmp_path: Path, mounted: Mounted, processes: int) -> None:
    """Commands and DUMPLOG go over connections whose server is verified by the CA's file, in every process."""
    lines = [f"ADD,u{number % 4},1.00" for number in range(100)]
    file, log = workload_of(tmp_path, *lines, "DUMPLOG,./out"), tmp_path / "log.xml"

    async def script(asked: Asked) -> bytes:
        return response(200, LOG) if asked.command == "DUMPLOG" else EMPTY

    server = ScriptedServer(script)
    options = Options(ca=Path(mounted.ca), processes=processes, dump=log)
    async with server.running(tls=ServerTls(mounted.certificate, mounted.key).context):
        report = await run_file(file, server.url, options)
    assert (report.accepted, report.failed, report.exit_status) == (101, 0, 0)
    assert log.read_bytes() == LOG


async def test_what_gets_no_answer_is_sent_again_by_https(tmp_path: Path, mounted: Mounted) -> None:
    """With the same key on a new connection, after silence as after a connection that breaks."""
    file = workload_of(tmp_path, "ADD,u,1.00", "ADD,u,2.00")
    silent: list[Asked] = []

    async def script(asked: Asked) -> bytes | None:
        if len(server.asked) == 1:
            silent.append(asked)
            await asyncio.get_running_loop().create_future()
        return None if len(server.asked) == 3 else EMPTY

    server = ScriptedServer(script)
    async with server.running(tls=ServerTls(mounted.certificate, mounted.key).context):
        report = await run_file(file, server.url, Options(ca=Path(mounted.ca), answer_within_s=0.2))
    assert (report.accepted, report.failed, report.resent) == (2, 0, 2)
    assert [asked.parameters["amount"] for asked in server.asked] == ["1.00", "1.00", "2.00", "2.00"]
    assert server.asked[0].key == server.asked[1].key
    assert len({asked.connection for asked in server.asked}) == 3


async def test_a_server_that_is_not_verified_gets_nothing(tmp_path: Path, mounted: Mounted) -> None:
    """Without its CA, or with another's, the run ends at once and says what to give."""
    file = workload_of(tmp_path, "ADD,u,1.00")
    other = tmp_path / "other.pem"
    other.write_bytes(trustme.CA().cert_pem.bytes())
    server = ScriptedServer(always_empty)
    async with server.running(tls=ServerTls(mounted.certificate, mounted.key).context), asyncio.timeout(10):
        for ca in (None, other):
            with pytest.raises(UnreachableError, match=r"is not accepted .*: give the CA that signed it, with --ca"):
                await run_file(file, server.url, Options(ca=ca))
    assert server.asked == []


async def test_a_ca_file_that_is_no_use_is_named(tmp_path: Path) -> None:
    """Before anything is sent."""
    empty = tmp_path / "empty.pem"
    empty.write_bytes(b"")
    with pytest.raises(TlsFileError, match=r"empty\.pem is no file of CA certificates"):
        await run_file(workload_of(tmp_path, "ADD,u,1.00"), "https://127.0.0.1:1", Options(ca=empty))
    with pytest.raises(TlsFileError, match=r"empty\.pem is no file of CA certificates"):
        Asking("https://127.0.0.1:1", Replay(Findings()), Findings(), empty)
