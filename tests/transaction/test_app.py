"""The transaction service over real sockets, on a real journal."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import msgspec
import pytest

from daytrader.clock import system_clock
from daytrader.domain.command import parse
from daytrader.internal import Tokens
from daytrader.journal.entry import partition_of
from daytrader.journal.sqlite import SqliteJournal
from daytrader.quotes.legacy import LegacyQuoteServer
from daytrader.quotes.memory import MemoryQuoteCache
from daytrader.quotes.mock import MockQuoteServer
from daytrader.quotes.source import QuoteSource
from daytrader.serving import listen, serve
from daytrader.settings import Settings
from daytrader.transaction.app import create_app
from daytrader.transaction.message import Reply, Request, decode_replies, encode_requests
from daytrader.transaction.service import TransactionService
from tests.transaction.stage import until

PARTITIONS = 4
TOKENS = Tokens("only we know")


class Served:
    """A service behind a port, and a client of it."""

    def __init__(self, service: TransactionService, quotes: MockQuoteServer, url: str) -> None:
        self.service = service
        self.quotes = quotes
        self.session = aiohttp.ClientSession(url, headers={"Authorization": TOKENS.authorization})

    async def batch(self, requests: list[Request]) -> list[Reply | None]:
        """Send a batch that must be answered."""
        async with self.session.post("/batch", data=encode_requests(requests)) as response:
            assert response.status == 200
            return decode_replies(await response.read())

    async def answers(self, requests: list[Request]) -> list[Reply | None]:
        """Send a batch, and ask again for what takes more than the 20 ms that it waits for stragglers."""
        replies = await self.batch(requests)
        async with asyncio.timeout(20):
            while None in replies:
                polls = await self.batch([msgspec.structs.replace(one, attempt=1) for one in requests])
                replies = [reply or poll for reply, poll in zip(replies, polls, strict=True)]
        return replies


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """A transaction service with a SQLite journal and a mock quote server, ready to serve."""
    journal = SqliteJournal(tmp_path / "journal.db")
    async with MockQuoteServer() as quotes:
        service = TransactionService(
            Settings(replica="one", partitions=PARTITIONS),
            journal,
            journal.accounts,
            owned=lambda: range(PARTITIONS),
            quotes=lambda clock, stray: QuoteSource(
                LegacyQuoteServer(*quotes.address, clock=clock, on_stray_hit=stray),
                MemoryQuoteCache(),
                clock=clock,
                on_stray_hit=stray,
            ),
        )
        listener = listen("127.0.0.1", 0)
        url = "http://{}:{}".format(*listener.getsockname())
        stop = asyncio.Event()
        work = service.start()
        server = asyncio.create_task(
            serve(
                create_app(service, TOKENS, "a build"),
                [listener],
                stop=stop,
                work=work,
                drain=lambda: service.drain(10),
            )
        )
        served = Served(service, quotes, url)
        await until(lambda: not service.waits_for())
        yield served
        await served.session.close()
        stop.set()
        async with asyncio.timeout(20):
            await server
        await service.close()


def request(number: int, line: str, user: str, attempt: int = 0) -> Request:
    """A request for a command as it stands in a workload file."""
    name, *rest = line.split(",")
    command = parse(name, user, *(["", *rest] if name == "ADD" else rest))  # type: ignore[arg-type]
    return Request(f"w:{number}", partition_of(user, PARTITIONS), command, system_clock(), attempt)


async def test_a_batch_is_answered_in_its_order(served: Served) -> None:
    """Accepted and refused commands of many users, each with its own answer."""
    users = [f"user{number}" for number in range(50)]
    replies = await served.answers([request(number, "ADD,100.00", user) for number, user in enumerate(users)])
    assert replies == [Reply(200)] * 50
    lines = [(100 + number, "BUY,A,50.00" if number % 2 else "COMMIT_SELL", user) for number, user in enumerate(users)]
    first = await served.answers([request(*line) for line in lines])
    bought, refused = Reply(200, b"", 0, (500, 10, 5000)), Reply(400, b"The specified stack is empty")
    assert first == [bought if number % 2 else refused for number in range(50)]
    assert served.quotes.answered == 1


async def test_an_empty_batch_has_an_empty_answer(served: Served) -> None:
    """Nothing is waited for."""
    assert await served.batch([]) == []


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x91\x93", msgspec.msgpack.encode([1, 2]), b'["json"]'])
async def test_what_is_no_batch_is_refused(served: Served, body: bytes) -> None:
    """With 400 and a text; nothing is decided."""
    async with served.session.post("/batch", data=body) as response:
        assert response.status == 400
        assert (await response.text()).startswith("this is no batch of requests")


async def test_only_the_installations_own_services_are_answered(served: Served) -> None:
    """Without the credential 401, but for the probes."""
    for path, status in (("/batch", 401), ("/health", 401), ("/ready", 200), ("/live", 200), ("/version", 200)):
        method = "POST" if path == "/batch" else "GET"
        headers = {"Authorization": "Bearer somebody else"}
        async with served.session.request(method, path, headers=headers) as response:
            assert response.status == status


async def test_probes_and_health_say_how_it_is(served: Served) -> None:
    """Ready or not, with the reason; and each part in words."""
    async with served.session.get("/ready") as response:
        assert (response.status, await response.text()) == (200, "ready")
    async with served.session.get("/health") as response:
        names = [part["name"] for part in await response.json()]
        assert names[:2] == ["transaction one", "quote server"]
    served.service.refuse()
    async with served.session.get("/ready") as response:
        assert (response.status, await response.text()) == (503, "it is draining: commands go to another replica")


async def test_a_replica_that_can_decide_nothing_says_so(served: Served) -> None:
    """With 503, so that web knows that nothing came of the batch."""
    served.service._skew = 5_000
    async with served.session.post("/batch", data=encode_requests([])) as response:
        assert response.status == 503
        assert "set the clock" in await response.text()
    served.service._skew = 0
