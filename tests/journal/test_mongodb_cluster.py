"""What a replica set in a cluster adds: certificates that are renewed, and names that DNS does not know yet."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme
from pymongo import AsyncMongoClient

from daytrader.audit.mongodb import MongoAuditStore
from daytrader.audit.port import AuditUnavailableError
from daytrader.journal.mongodb import MongoJournal
from daytrader.journal.port import JournalUnavailableError
from daytrader.mongo import Document
from daytrader.tls import ServerTls
from tests.audit.waits import until
from tests.certificates import Mounted
from tests.journal.stores import let_go, own_database
from tests.tls_front import Front

PARTITIONS = 4


@pytest.fixture
def uri(mongo_set: str) -> str:
    """A database of one's own."""
    return own_database(mongo_set)


@pytest.fixture
def mounted(tmp_path: Path) -> Mounted:
    """The files of a member, whose certificate is for this machine."""
    mounted = Mounted(tmp_path)
    mounted.put_certificate(trustme.CA(), "127.0.0.1")
    return mounted


@pytest.fixture
def tls(mounted: Mounted) -> ServerTls:
    """What the member shows."""
    return ServerTls(mounted.certificate, mounted.key)


@pytest.fixture
async def front(uri: str, tls: ServerTls) -> AsyncIterator[Front]:
    """The primary, by TLS."""
    client: AsyncMongoClient[Document] = AsyncMongoClient(uri)
    primary = (await client.admin.command("hello"))["primary"]
    await client.close()
    async with Front(tls, int(primary.rpartition(":")[2])).running() as front:
        yield front


def _by_tls(uri: str, front: Front) -> str:
    parts = urlsplit(uri)
    user, _, _ = parts.netloc.rpartition("@")
    return f"mongodb://{user}@127.0.0.1:{front.port}{parts.path}?authSource=admin&directConnection=true&tls=true"


async def test_a_member_is_verified_by_the_ca(uri: str, front: Front, mounted: Mounted, tmp_path: Path) -> None:
    """The journal opens by TLS; a member that another authority has signed is no member."""
    other = tmp_path / "other.pem"
    other.write_bytes(trustme.CA().cert_pem.bytes())
    good, bad = MongoJournal(_by_tls(uri, front), ca=mounted.ca), MongoJournal(_by_tls(uri, front), ca=str(other))
    await good.open(PARTITIONS)
    with pytest.raises(JournalUnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
        await bad.open(PARTITIONS)
    await good.clear()
    await let_go(good)
    await let_go(bad)


async def test_a_renewed_authority_is_trusted_without_a_restart(
    uri: str, front: Front, tls: ServerTls, mounted: Mounted
) -> None:
    """Members whose certificates another authority has signed are members again once the CA's file is read."""
    journal = MongoJournal(_by_tls(uri, front), ca=mounted.ca)
    store = MongoAuditStore(_by_tls(uri, front), mounted.ca)
    await journal.open(PARTITIONS)
    await store.open(PARTITIONS)
    mounted.put_certificate(trustme.CA(), "127.0.0.1")
    tls.read()
    await front.cut()
    with pytest.raises(JournalUnavailableError):
        await _twice(lambda: journal.open(PARTITIONS))
    with pytest.raises(AuditUnavailableError):
        await _twice(store.heads)
    journal.read_ca()
    store.read_ca()
    await journal.open(PARTITIONS)
    assert await store.heads() == {}
    await store.clear()
    await journal.clear()
    await store.close()
    await let_go(journal)


async def _twice(ask: Callable[[], Awaitable[object]]) -> None:
    """The first question may meet a connection that has just been cut, the second needs a new one."""
    await ask()
    await ask()


async def _opens(journal: MongoJournal) -> bool:
    try:
        await journal.open(PARTITIONS)
    except JournalUnavailableError:
        return False
    return True


async def test_members_that_dns_does_not_know_yet_are_waited_for(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pods start before the set is there: the journal is away, said in its time, and is there once names are known."""
    loop = asyncio.get_running_loop()
    parts = urlsplit(uri)
    user, _, hosts = parts.netloc.rpartition("@")
    port = hosts.split(",")[0].rpartition(":")[2]
    known = False
    look_up = loop.getaddrinfo

    async def getaddrinfo(host: str, *arguments: object, **options: object) -> object:
        if not host.endswith(".svc"):
            return await look_up(host, *arguments, **options)  # type: ignore[arg-type]
        if not known:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return await look_up("127.0.0.1", *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
    journal = MongoJournal(f"mongodb://{user}@data-set-0.data-set.shop.svc:{port}{parts.path}?{parts.query}")
    async with asyncio.timeout(10):
        with pytest.raises(JournalUnavailableError, match=r"data-set-0\.data-set\.shop\.svc"):
            await journal.open(PARTITIONS)
    known = True
    await until(lambda: _opens(journal))
    await journal.clear()
    await let_go(journal)
