"""How the whole installation is, part by part, as the web service sees it."""

import asyncio
from collections.abc import Iterable
from typing import Final, Protocol

import aiohttp
import msgspec

from daytrader.health import Part, reason
from daytrader.membership import Addresses, Membership
from daytrader.session import InternalSession
from daytrader.web.sessions import Sessions

HEALTH_LIMIT: Final = 3.0
"""Seconds that a part may take to say how it is."""

_NOBODY: Final = "no transaction replica is ready: commands wait, and are answered 503 after 10 s"

_decode = msgspec.json.Decoder(list[Part]).decode


class Health(Protocol):
    """Knows how the parts are."""

    async def parts(self) -> list[Part]:
        """Return every part of the installation; one that does not answer is in it, with that said."""


class RemoteHealth:
    """Asks every transaction replica, the audit service and the other web replicas."""

    def __init__(
        self, replica: str, sessions: Sessions, membership: Membership, audit_url: str, webs: Addresses, *, own: str
    ) -> None:
        """`replica` is the name of the web replica that asks, `own` its URL, `webs` tells the URLs of all of them."""
        self._webs = webs
        self._own = own
        self._name = f"web {replica}"
        self._sessions = sessions
        self._membership = membership
        self._audit_url = audit_url.rstrip("/")
        self._timeout = aiohttp.ClientTimeout(total=HEALTH_LIMIT)

    async def parts(self) -> list[Part]:
        """Return what the services say; of a part that several know, what the one says that finds it wrong."""
        failures = self._membership.failures()
        known = (*self._membership.ready(), *failures)
        asked = [self._ask(f"transaction {url}", url, self._sessions.transactions) for url in known]
        if self._audit_url:
            asked.append(self._ask(f"audit {self._audit_url}", self._audit_url, self._sessions.audit))
        said = await asyncio.gather(*asked, self._ask_webs())
        ready = len(self._membership.ready())
        says = f"sends commands to {ready} transaction replica{'s' * (ready != 1)}" if ready else _NOBODY
        said.insert(0, [Part(self._name, bool(ready), says)])
        return _one_of_each(part for parts in said for part in parts)

    async def _ask(self, name: str, url: str, session: InternalSession) -> list[Part]:
        try:
            async with session.get(f"{url}/health", self._timeout) as response:
                if response.status != 200:
                    return [Part(name, False, f"answers {response.status} when asked how it is")]
                return _decode(await response.read())
        except TimeoutError:
            return [Part(name, False, f"is silent for {HEALTH_LIMIT:.0f} s")]
        except (aiohttp.ClientError, OSError) as error:
            return [Part(name, False, f"cannot be reached: {reason(error)}")]
        except msgspec.MsgspecError as error:
            return [Part(name, False, f"its answer cannot be read: {error}")]

    async def _ask_webs(self) -> list[Part]:
        try:
            urls = await self._webs()
        except (OSError, TimeoutError) as error:
            return [Part("web replicas", False, f"the list of them cannot be had: {error or 'no answer in time'}")]
        return await asyncio.gather(*(self._ask_web(url) for url in urls if url != self._own))

    async def _ask_web(self, url: str) -> Part:
        name = f"web {url}"
        try:
            async with self._sessions.webs.get(f"{url}/ready", self._timeout) as response:
                says = (await response.content.read(200)).decode(errors="replace")
                return Part(name, response.status == 200, "takes commands" if response.status == 200 else says)
        except TimeoutError:
            return Part(name, False, f"is silent for {HEALTH_LIMIT:.0f} s: connections that it gets hang")
        except (aiohttp.ClientError, OSError) as error:
            return Part(name, False, f"cannot be reached: {reason(error)}")


def _one_of_each(parts: Iterable[Part]) -> list[Part]:
    found: dict[str, Part] = {}
    for part in parts:
        known = found.get(part.name)
        if known is None or (known.ok and not part.ok):
            found[part.name] = part
    return list(found.values())
