"""Asking services for their metrics: bounded in time and size, side by side, and one that is silent is told of."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import CollectorRegistry
from prometheus_client.samples import Sample

from daytrader.clock import Clock
from daytrader.health import reason
from daytrader.web.ops.reading import BUILD, WANTED, Snapshot, Source, source_of
from daytrader.web.ops.targets import Role, Target

LIMIT: Final = 2.0
"""Seconds that a service may take to tell its metrics."""

LARGEST: Final = 4 * 1024 * 1024
"""Bytes of metrics that are read of one service."""

_NAMES: Final = frozenset((*WANTED, BUILD))


class Scraper(Protocol):
    """Gets at the metrics of all services."""

    async def scrape(self) -> Snapshot:
        """Return what all services say now; one that says nothing is in it, with the reason. Never raises."""

    async def close(self) -> None:
        """Let go of what it holds."""


class OwnScraper:
    """The metrics of this process, which is every service at once."""

    def __init__(self, registry: CollectorRegistry, clock: Clock, roles: Sequence[Role]) -> None:
        self._registry = registry
        self._clock = clock
        self._roles = roles

    async def scrape(self) -> Snapshot:
        """Return what the registry holds, once for each role."""
        samples = [sample for family in self._registry.collect() for sample in family.samples if sample.name in _NAMES]
        return Snapshot(self._clock(), tuple(source_of(role, "this process", samples) for role in self._roles))

    async def close(self) -> None:
        """Do nothing: there is nothing to let go of."""


class RemoteScraper:
    """The metrics of `targets`, over HTTP."""

    def __init__(self, targets: Sequence[Target], clock: Clock) -> None:
        self._targets = targets
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def scrape(self) -> Snapshot:
        """Ask all of them side by side."""
        found = await asyncio.gather(*(self._target(target) for target in self._targets))
        return Snapshot(self._clock(), tuple(source for sources in found for source in sources))

    async def _target(self, target: Target) -> Sequence[Source]:
        try:
            addresses = await target.addresses()
        except (OSError, TimeoutError) as error:
            return [Source(target.role, target.shown, error=f"its addresses cannot be had: {error or 'no answer'}")]
        return await asyncio.gather(*(self._source(target.role, url) for url in addresses))

    async def _source(self, role: Role, url: str) -> Source:
        name = url.partition("://")[2]
        try:
            async with asyncio.timeout(LIMIT):
                text = await self._text(f"{url}/metrics")
            samples = await asyncio.to_thread(samples_of, text)  # some milliseconds, in which commands would wait
        except TimeoutError:
            return Source(role, name, error=f"is silent for {LIMIT:g} s")
        except (aiohttp.ClientError, OSError) as error:
            return Source(role, name, error=f"cannot be reached: {reason(error)}")
        except ValueError as error:
            return Source(role, name, error=f"its metrics cannot be read: {error}")
        return source_of(role, name, samples)

    async def _text(self, url: str) -> str:
        if self._session is None:
            # packed, they would cost both sides more than the wire between them
            self._session = aiohttp.ClientSession(
                headers={"Accept-Encoding": "identity"}, cookie_jar=aiohttp.DummyCookieJar()
            )
        async with self._session.get(url, allow_redirects=False) as response:
            if response.status != 200:
                raise ValueError(f"it answers {response.status}")
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > LARGEST:
                    raise ValueError(f"they are more than {LARGEST} bytes")
        return body.decode()

    async def close(self) -> None:
        """Close all connections; the next scrape opens them anew."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def samples_of(text: str) -> list[Sample]:
    """Return the samples in `text` that are needed. Raises ValueError where one of them cannot be read."""
    families = text_string_to_metric_families("".join(_needed(text)))
    return [sample for family in families for sample in family.samples]


def _needed(text: str) -> Iterable[str]:
    """Yield the lines that matter: to read the others takes as long again."""
    for line in text.splitlines(keepends=True):
        if line.startswith("daytrader_") and line.replace("{", " ", 1).partition(" ")[0] in _NAMES:
            yield line
