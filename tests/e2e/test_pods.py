"""Services as pods run them, each a process with settings in its environment, by TLS: replaced under traffic."""

import asyncio
import os
import signal
import ssl
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import trustme

from daytrader.quotes.mock import MockQuoteServer
from daytrader.tls import client_context
from tests.audit.waits import until
from tests.certificates import Mounted
from tests.journal.stores import own_database
from tests.web.client import Connection, get
from tests.web.replica import free_port

CLIENTS = 16
READY_WITHIN = 60.0
GRACE = 30.0
"""Seconds that a pod has to end, of which none does without."""


class Pod:
    """One service's process, which can be replaced by another at the same address."""

    def __init__(self, kind: str, environment: dict[str, str], log: Path) -> None:
        self.port = int(environment["DAYTRADER_PORT"])
        self.in_service = True
        """Whether clients would be sent there: not from the moment on at which it is told to stop."""
        self._kind = kind
        self._environment = environment
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, context: ssl.SSLContext) -> None:
        """Start it, and wait until it is ready."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "daytrader", "serve", self._kind),
                env={**os.environ, **self._environment},
                stdout=log,
                stderr=log,
            )
        connector = aiohttp.TCPConnector(ssl=context)
        async with asyncio.timeout(READY_WITHIN), aiohttp.ClientSession(connector=connector) as session:
            while not await self._is_ready(session):  # noqa: ASYNC110  another process gets ready
                await asyncio.sleep(0.1)
        self.in_service = True

    async def _is_ready(self, session: aiohttp.ClientSession) -> bool:
        assert self._process is not None
        assert self._process.returncode is None, self._log.read_text()[-2_000:]
        try:
            async with session.get(f"https://127.0.0.1:{self.port}/ready") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def stop(self) -> int:
        """End it as a pod ends, and return its exit status."""
        self.in_service = False
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(GRACE):
                return await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
            raise AssertionError(f"{self._log.name} did not end: {self._log.read_text()[-2_000:]}") from None


class Pods:
    """Two of each service."""

    def __init__(self, directory: Path, mongo: str, quotes: str) -> None:
        mounted = Mounted(directory / "tls")
        mounted.put_certificate(trustme.CA(), "127.0.0.1")
        mounted.put(
            tokens=b"the one we send\nanother that counts\n",
            **{
                name.replace(".", "_"): Path(mounted.path(name)).read_bytes()
                for name in ("tls.crt", "tls.key", "ca.crt")
            },
        )
        self.context = client_context(mounted.ca)
        ports = [free_port() for _ in range(6)]
        url = "https://127.0.0.1:{}".format
        shared = {
            "DAYTRADER_INTERNAL_TOKEN_FILE": mounted.path("tokens"),
            "DAYTRADER_TLS_CERT": mounted.certificate,
            "DAYTRADER_TLS_KEY": mounted.key,
            "DAYTRADER_TLS_CA": mounted.ca,
            "DAYTRADER_DATA_URI": own_database(mongo),
            "DAYTRADER_AUDIT_URI": own_database(mongo),
            "DAYTRADER_TRANSACTION_URLS": ",".join(map(url, ports[:2])),
            "DAYTRADER_WEB_URLS": ",".join(map(url, ports[2:4])),
            "DAYTRADER_AUDIT_URL": url(ports[4]),
            "DAYTRADER_QUOTE_SERVER": quotes,
        }

        def pod(kind: str, port: int) -> Pod:
            own = {"DAYTRADER_PORT": str(port), "DAYTRADER_REPLICA": f"{kind}-{port}"}
            return Pod(kind, {**shared, **own}, directory / f"{kind}-{port}.log")

        self.transactions = [pod("transaction", port) for port in ports[:2]]
        self.webs = [pod("web", port) for port in ports[2:4]]
        self.audits = [pod("audit", port) for port in ports[4:]]

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Pods"]:
        """Start all, and stop all at the end."""
        every = [*self.transactions, *self.audits, *self.webs]
        async with AsyncExitStack() as stack:
            for one in every:
                stack.push_async_callback(one.stop)
            await asyncio.gather(*(one.start(self.context) for one in every))
            yield self


@pytest.fixture
async def pods(tmp_path: Path, mongo_set: str) -> AsyncIterator[Pods]:
    """A running installation."""
    async with (
        MockQuoteServer("127.0.0.1", 0) as quotes,
        Pods(tmp_path, mongo_set, "{}:{}".format(*quotes.address)).running() as pods,
    ):
        yield pods


class Traffic:
    """Clients that send ADD after ADD over connections that are kept, and never send anything twice."""

    def __init__(self, pods: Pods) -> None:
        self.answers: Counter[str] = Counter()
        self._pods = pods
        self._ended = asyncio.Event()

    @property
    def accepted(self) -> int:
        """How many commands were accepted."""
        return self.answers["200"]

    async def run(self) -> None:
        """Send until `end`."""
        await asyncio.gather(*(self._client(number) for number in range(CLIENTS)))

    def end(self) -> None:
        """Send no more."""
        self._ended.set()

    async def some(self) -> None:
        """Wait for a good deal of traffic."""
        accepted = self.accepted
        await until(lambda: self.accepted >= accepted + 20 * CLIENTS)

    async def _client(self, number: int) -> None:
        connection: Connection | None = None
        while not self._ended.is_set():
            if connection is None:
                webs = [pod for pod in self._pods.webs if pod.in_service]
                connection = await Connection.open(webs[number % len(webs)].port, self._pods.context)
            answer = await connection.exchange(get(f"/command/ADD?userid=user{number}&amount=1.00", method="POST"))
            self.answers[str(answer.status) if answer.complete else "none"] += 1
            if answer.headers.get("connection") == "close" or not answer.complete:
                connection.close()
                connection = None
        if connection is not None:
            connection.close()


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_every_service_is_replaced_without_a_failed_request(pods: Pods) -> None:
    """One pod after the other ends and is there again, while clients that know no second try send on and on.

    Afterwards the log holds each command once, whichever audit service it is asked of.
    """
    traffic = Traffic(pods)
    sending = asyncio.create_task(traffic.run())
    for pod in (*pods.webs, *pods.transactions, pods.audits[1]):
        await traffic.some()
        assert await pod.stop() == 0
        await traffic.some()
        await pod.start(pods.context)
    await traffic.some()
    traffic.end()
    await sending
    assert list(traffic.answers) == ["200"]
    connection = await Connection.open(pods.webs[0].port, pods.context)
    log = await connection.exchange(get("/command/DUMPLOG?filename=all", method="POST"))
    connection.close()
    assert (log.status, log.complete) == (200, True)
    assert log.body.count(b"<command>ADD</command>") == traffic.accepted
