"""Which transaction replicas are ready, and which of them a partition falls to."""

import asyncio
import hashlib
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

import aiohttp
import structlog

from daytrader.session import InternalSession

PROBE_EVERY: Final = 0.5
"""Seconds between two probes of a replica."""

PROBE_LIMIT: Final = 2.0
"""Seconds of silence after which a probe has failed."""

SUSPECT_AGAIN: Final = 5.0
"""Seconds within which a replica that is suspected a second time is not asked before its regular probe."""

RESOLVE_EVERY: Final = 1.0
"""Seconds between two looks at the list of addresses."""

Addresses = Callable[[], Awaitable[Sequence[str]]]
"""Returns the base URLs of all replicas, ready or not. Raises OSError where the list cannot be had at present."""

_NOT_ASKED: Final = "has not been asked yet"

_log = structlog.get_logger(__name__)


class Membership(Protocol):
    """The transaction replicas. A replica's base URL is its identity."""

    def ready(self) -> Sequence[str]:
        """Return the replicas that take commands, in the order of their URLs."""

    def failures(self) -> dict[str, str]:
        """Return the replicas that are known but not ready, with the reason in words."""

    def suspect(self, replica: str, reason: str) -> None:
        """Take `replica` out at once, until a probe that starts from now on finds it ready."""

    def subscribe(self, changed: Callable[[], None]) -> None:
        """Call `changed`, which must not raise, whenever what `ready` returns has changed."""


def rendezvous(partition: int, replicas: Sequence[str]) -> str:
    """Return the replica that `partition` falls to: everybody who knows the same replicas finds the same one.

    The replica with the highest weight of (partition, replica) wins; so when one leaves, only its own partitions
    move, and when one joins, partitions move to nobody else.

    Raises:
        ValueError: there are no replicas.
    """
    return max(replicas, key=lambda replica: (_weight(partition, replica), replica))


def _weight(partition: int, replica: str) -> bytes:
    return hashlib.blake2b(f"{partition} {replica}".encode(), digest_size=8).digest()


class Alone:
    """The membership of an installation whose only transaction replica lives in this process."""

    def __init__(self, replica: str) -> None:
        self._replicas = (replica,)

    def ready(self) -> Sequence[str]:
        """Return the one replica."""
        return self._replicas

    def failures(self) -> dict[str, str]:
        """Return nothing: what is wrong with the one replica, it says itself."""
        return {}

    def suspect(self, replica: str, reason: str) -> None:
        """Do nothing: there is no other to turn to."""

    def subscribe(self, changed: Callable[[], None]) -> None:
        """Do nothing: it never changes."""


def listed(urls: str) -> Addresses:
    """Return the addresses that stand in `urls`, separated by commas."""
    replicas = tuple(dict.fromkeys(url.strip().rstrip("/") for url in urls.split(",") if url.strip()))

    async def addresses() -> Sequence[str]:
        return replicas

    return addresses


def host_and_port(service: str) -> tuple[str, int]:
    """Return the parts of HOST:PORT. Raises ValueError where it is none."""
    host, _, port = service.rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError(f"{service!r} is no HOST:PORT: give one like transaction.daytrader.svc:8080")
    return host, int(port)


def resolved(service: str, *, tls: bool = False, limit: float = 2.0) -> Addresses:
    """Return the addresses that DNS gives for `service`, HOST:PORT of a headless Service, within `limit` seconds.

    A name that DNS does not know (the Service has no replica yet, or DNS is not up yet) is an OSError at that moment.
    """
    host, port = host_and_port(service)
    scheme = "https" if tls else "http"

    async def addresses() -> Sequence[str]:
        async with asyncio.timeout(limit):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        hosts = dict.fromkeys(str(address[4][0]) for address in found)
        return tuple(f"{scheme}://[{one}]:{port}" if ":" in one else f"{scheme}://{one}:{port}" for one in hosts)

    return addresses


def server_name(dns: str) -> str:
    """Return the name by which replicas that are listed in `dns` (HOST:PORT) are verified; "" where that is empty."""
    return host_and_port(dns)[0] if dns else ""


def addresses_of(dns: str, urls: str, *, tls: bool) -> Addresses:
    """Return where replicas are listed: in DNS where `dns` (HOST:PORT) is given, else in `urls`.

    Raises ValueError where `dns` is no HOST:PORT.
    """
    return resolved(dns, tls=tls) if dns else listed(urls)


class _Replica:
    """What is known of one replica."""

    def __init__(self) -> None:
        self.ready = False
        self.failure = _NOT_ASKED
        self.suspicions = 0
        self.suspected_at = -SUSPECT_AGAIN
        """Loop time in seconds."""
        self.ask_now = asyncio.Event()
        self.task: asyncio.Task[None] | None = None


class ProbedMembership:
    """Asks every address GET /ready at short intervals; 200 is ready.

    `own`, the URL of the replica this is part of, always counts as ready and is not asked. `settled` is set when every
    address of the first list has been asked once: before that `ready` knows too little to found a decision on.
    """

    def __init__(
        self,
        addresses: Addresses,
        session: InternalSession,
        *,
        own: str = "",
        probe_every: float = PROBE_EVERY,
        probe_limit: float = PROBE_LIMIT,
        resolve_every: float = RESOLVE_EVERY,
    ) -> None:
        self.settled = asyncio.Event()
        self._addresses = addresses
        self._session = session
        self._own = own
        self._probe_every = probe_every
        self._probe_limit = aiohttp.ClientTimeout(total=probe_limit)
        self._resolve_every = resolve_every
        self._replicas: dict[str, _Replica] = {}
        self._ready: tuple[str, ...] = (own,) if own else ()
        self._subscribers: list[Callable[[], None]] = []
        self._unlisted = ""
        """Why the list could not be had the last time, in words; empty where it was."""

    def ready(self) -> Sequence[str]:
        """Return the replicas that take commands, in the order of their URLs."""
        return self._ready

    def failures(self) -> dict[str, str]:
        """Return the replicas that are known but not ready, with the reason in words."""
        return {url: replica.failure for url, replica in self._replicas.items() if not replica.ready}

    def suspect(self, replica: str, reason: str) -> None:
        """Take `replica` out at once: it is back when it answers a probe from now on.

        It is asked now; but where this has just happened, at the next regular probe, lest one that is ready for probes
        alone comes and goes all the time.
        """
        suspected = self._replicas.get(replica)
        if suspected is not None:
            now = asyncio.get_running_loop().time()
            if now - suspected.suspected_at > SUSPECT_AGAIN:
                suspected.ask_now.set()
            suspected.suspected_at = now
            suspected.suspicions += 1
            self._note(replica, suspected, reason)

    def subscribe(self, changed: Callable[[], None]) -> None:
        """Call `changed`, which must not raise, whenever what `ready` returns has changed."""
        self._subscribers.append(changed)

    async def run(self) -> None:
        """Keep the list and ask the replicas until cancelled; ends with the error where a task dies of a defect.

        The session is closed at the end.
        """
        try:
            async with asyncio.TaskGroup() as probes:
                while True:
                    await self._look_up(probes)
                    await asyncio.sleep(self._resolve_every)
        finally:
            await self._session.close()

    async def _look_up(self, probes: asyncio.TaskGroup) -> None:
        try:
            listed = await self._addresses()
        except (OSError, TimeoutError) as error:  # those that are known go on being asked
            self._note_list(str(error) or "no answer in time")
            return
        self._note_list("")
        urls = set(listed) - {self._own}
        for url in self._replicas.keys() - urls:
            task = self._replicas.pop(url).task
            if task is not None:
                task.cancel()
        for url in urls - self._replicas.keys():
            replica = self._replicas[url] = _Replica()
            replica.task = probes.create_task(self._probe(url, replica), name=f"probe of {url}")
        self._publish()
        self._look_whether_settled()

    def _note_list(self, trouble: str) -> None:
        if trouble and trouble != self._unlisted:
            _log.warning("the list of transaction replicas cannot be had; the known ones stay", error=trouble)
        elif self._unlisted and not trouble:
            _log.info("the list of transaction replicas is back")
        self._unlisted = trouble

    async def _probe(self, url: str, replica: _Replica) -> None:
        while True:
            replica.ask_now.clear()
            suspicions = replica.suspicions
            failure = await self._failure(url)
            if failure or suspicions == replica.suspicions:
                self._note(url, replica, failure)
            self._look_whether_settled()
            try:
                async with asyncio.timeout(self._probe_every):
                    await replica.ask_now.wait()
            except TimeoutError:
                continue

    def _note(self, url: str, replica: _Replica, failure: str) -> None:
        was_ready = replica.ready
        replica.ready, replica.failure = not failure, failure
        if replica.ready != was_ready:
            _log.info("transaction replica", url=url, ready=replica.ready, failure=failure)
        self._publish()

    def _publish(self) -> None:
        ready = {url for url, replica in self._replicas.items() if replica.ready}
        sorted_ready = tuple(sorted(ready | {self._own} if self._own else ready))
        if sorted_ready != self._ready:
            self._ready = sorted_ready
            for changed in self._subscribers:
                changed()

    def _look_whether_settled(self) -> None:
        if all(replica.ready or replica.failure != _NOT_ASKED for replica in self._replicas.values()):
            self.settled.set()

    async def _failure(self, url: str) -> str:
        """Return why the replica at `url` is not ready, in words; "" where it is."""
        try:
            async with self._session.get(f"{url}/ready", self._probe_limit) as response:
                if response.status == 200:
                    return ""
                says = (await response.content.read(200)).decode(errors="replace")
                return f"answers {response.status}: {says}"
        except TimeoutError:
            return "is silent"
        except (aiohttp.ClientError, OSError) as error:
            return f"cannot be reached: {error}"
