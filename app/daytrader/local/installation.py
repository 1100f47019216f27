"""An installation on this machine as `daytrader up` holds it: started, controlled while it runs, and stopped."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self

from daytrader.audit.mongodb import MongoAuditStore
from daytrader.journal.mongodb import MongoJournal
from daytrader.local.cluster import Cluster
from daytrader.local.control_breaking import answer
from daytrader.local.embedded import Embedded
from daytrader.local.supervisor import Supervisor


class Installation(Protocol):
    """Started when entered, stopped with everything it started when left."""

    @property
    def url(self) -> str:
        """The address of its web service."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    async def ended(self) -> None:
        """Return when it has ended by itself; raises what ended it."""

    async def control(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Do what `daytrader swap` and `daytrader reset` ask. Raises KeyError and ValueError with a sentence."""


class EmbeddedInstallation:
    """All in this process."""

    def __init__(self, embedded: Embedded) -> None:
        self._embedded = embedded

    @property
    def url(self) -> str:
        """The address of its web service."""
        return self._embedded.url

    async def __aenter__(self) -> Self:
        await self._embedded.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._embedded.stop()

    async def ended(self) -> None:
        """Return when it has ended by itself; raises what ended it."""
        await self._embedded.ended()

    async def control(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Reset it; there is no service to swap in one process."""
        if asked["do"] != "reset":
            raise ValueError("this installation is one process: start `daytrader up --cluster 1` to swap services")
        await self._embedded.reset()
        return {}


class ClusterInstallation:
    """Processes under a supervisor."""

    def __init__(self, cluster: Cluster, say: Callable[[str], None]) -> None:
        self._cluster = cluster
        self._say = say
        self._supervisor = Supervisor(say)
        self._breaking = cluster.breaking(self._supervisor, say)

    @property
    def url(self) -> str:
        """The address that all web replicas share."""
        return self._cluster.url

    async def __aenter__(self) -> Self:
        try:
            await self._cluster.start(self._supervisor, self._say)
        except BaseException:
            await self._supervisor.stop_all()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._breaking.close()
        await self._supervisor.stop_all()

    async def ended(self) -> None:
        """Never: what dies is started again."""
        await asyncio.Event().wait()

    async def control(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Hold or release a service, reset everything, break something, or tell how the processes stand."""
        match asked:
            case {"do": "hold", "name": str(name)}:
                argv = self._cluster.argv(name)
                await self._supervisor.hold(name)
                return {"argv": argv, "env": self._cluster.environment(name)}
            case {"do": "release", "name": str(name)}:
                await self._supervisor.release(name)
                return {}
            case {"do": "standings"}:
                standings = self._supervisor.standings()
                return {one.name: {"state": one.state, "pid": one.pid, "restarts": one.restarts} for one in standings}
            case {"do": "reset"}:
                await self._reset()
                return {}
            case {"do": "break" | "breakable"}:
                return await answer(self._breaking, asked)
            case _:
                raise ValueError(f"nothing here can do {asked.get('do')!r}")

    async def _reset(self) -> None:
        services = [*self._cluster.transactions, "audit"]
        for name in services:
            await self._supervisor.hold(name)
        journal = MongoJournal(self._cluster.data_uri)
        store = MongoAuditStore(self._cluster.audit_uri)
        try:
            await journal.accounts.clear()
            await journal.clear()
            await store.clear()
        finally:
            await journal.close()
            await store.close()
        for name in services:
            await self._supervisor.release(name)
