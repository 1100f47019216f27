"""TLS contexts that follow their files."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import trustme

from daytrader.internal import Tokens
from daytrader.serving import listen, serve
from daytrader.session import InternalSession
from daytrader.tls import ClientTls, ServerTls, TlsFileError, client_context
from tests.certificates import Mounted
from tests.web.replica import Replica

TIMEOUT = aiohttp.ClientTimeout(total=10)


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    """An authority."""
    return trustme.CA()


@pytest.fixture
def mounted(tmp_path: Path, ca: trustme.CA) -> Mounted:
    """The files of a service whose certificate has a name, and no address."""
    mounted = Mounted(tmp_path)
    mounted.put_certificate(ca, "transaction.shop.svc")
    return mounted


@asynccontextmanager
async def _served(tls: ServerTls) -> AsyncIterator[str]:
    """Serve a transaction replica; gives its URL, by address."""
    listener = listen("127.0.0.1", 0)
    stop = asyncio.Event()
    task = asyncio.create_task(serve(Replica().app, [listener], stop=stop, tls=tls, grace=3))
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}/ready"
    finally:
        stop.set()
        await task


async def _certificate(url: str, context: ssl.SSLContext) -> object:
    """Connect anew, and return the serial number of the certificate that is shown."""
    port = int(url.split(":")[2].split("/", maxsplit=1)[0])
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="transaction.shop.svc")
    shown = writer.get_extra_info("peercert")["serialNumber"]
    writer.close()
    return shown


def _session(ca: str, name: str = "transaction.shop.svc") -> InternalSession:
    return InternalSession(Tokens("one"), ClientTls(ca), name)


async def test_a_replica_found_by_address_is_verified_by_the_services_name(mounted: Mounted) -> None:
    """The certificate holds the name of the Service that listed the replica; another name is refused."""
    async with _served(ServerTls(mounted.certificate, mounted.key)) as url:
        right, wrong, by_address = (_session(mounted.ca, name) for name in ("transaction.shop.svc", "audit", ""))
        async with right.get(url, TIMEOUT) as response:
            assert response.status == 200
        for session in (wrong, by_address):
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await session.get(url, TIMEOUT).__aenter__()
        for session in (right, wrong, by_address):
            await session.close()


async def test_a_server_of_another_authority_is_refused(mounted: Mounted, tmp_path: Path) -> None:
    """Only the installation's own authority counts, whatever the system trusts."""
    other = tmp_path / "other.pem"
    other.write_bytes(trustme.CA().cert_pem.bytes())
    session = _session(str(other))
    async with _served(ServerTls(mounted.certificate, mounted.key)) as url:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await session.get(url, TIMEOUT).__aenter__()
    await session.close()


async def test_a_renewed_certificate_is_shown_to_the_next_connection(mounted: Mounted, ca: trustme.CA) -> None:
    """Connections that are there go on, and new ones see the new certificate."""
    tls = ServerTls(mounted.certificate, mounted.key)
    context = client_context(mounted.ca)
    session = _session(mounted.ca)
    async with _served(tls) as url:
        async with session.get(url, TIMEOUT) as response:
            assert response.status == 200
        first = await _certificate(url, context)
        mounted.put_certificate(ca, "transaction.shop.svc")
        tls.read()
        assert await _certificate(url, context) != first
        async with session.get(url, TIMEOUT) as response:
            assert response.status == 200
        await session.close()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda mounted: mounted.put(tls_crt=b"-----BEGIN CERT", tls_key=b"", ca_crt=b""),
        lambda mounted: mounted.put_mismatch(trustme.CA()),
        lambda mounted: mounted.put(ca_crt=b""),
    ],
    ids=["half written", "another key", "missing"],
)
async def test_files_that_are_no_use_leave_the_old_certificate(
    mounted: Mounted, spoil: Callable[[Mounted], None]
) -> None:
    """The error names the files, and connections see what they saw before."""
    tls = ServerTls(mounted.certificate, mounted.key)
    context = client_context(mounted.ca)
    async with _served(tls) as url:
        first = await _certificate(url, context)
        spoil(mounted)
        with pytest.raises(TlsFileError, match=r"tls\.crt and .*tls\.key are no certificate and its private key"):
            tls.read()
        assert await _certificate(url, context) == first


async def test_a_changed_authority_counts_for_the_next_connection(mounted: Mounted, ca: trustme.CA) -> None:
    """A client that has read the new authority's file accepts what it signed, and not before."""
    new = trustme.CA()
    server, client = ServerTls(mounted.certificate, mounted.key), ClientTls(mounted.ca)
    session = InternalSession(Tokens("one"), client, "transaction.shop.svc")
    async with _served(server) as url:
        mounted.put_certificate(new, "transaction.shop.svc")
        server.read()
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await session.get(url, TIMEOUT).__aenter__()
        client.read()
        async with session.get(url, TIMEOUT) as response:
            assert response.status == 200
        await session.close()


def test_a_ca_file_that_is_no_use_is_named(tmp_path: Path) -> None:
    """Missing, or without a certificate in it: the message says which file."""
    empty = tmp_path / "empty.pem"
    empty.write_bytes(b"")
    for path in (empty, tmp_path / "missing.pem"):
        with pytest.raises(TlsFileError, match=rf"{path.name} is no file of CA certificates"):
            client_context(path)


async def test_old_protocols_are_refused(mounted: Mounted) -> None:
    """A client that speaks nothing newer than TLS 1.1 gets no connection."""
    context = client_context(mounted.ca)
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with _served(ServerTls(mounted.certificate, mounted.key)) as url:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await _certificate(url, context)
