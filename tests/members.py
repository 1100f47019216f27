"""A replica set that one test module has for itself, to kill and to freeze its members."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from daytrader.local.formation import NotFormed
from daytrader.local.mongod import MongoSet
from daytrader.local.supervisor import Supervisor
from daytrader.mongo import Document, connect

PRIMARY_BACK_S: Final = 30.0
"""Seconds after which somebody must be primary again, on a busy machine too."""


class Members:
    """The members, by their `host:port`."""

    def __init__(self, members: MongoSet, supervisor: Supervisor) -> None:
        self._set = members
        self._supervisor = supervisor
        self.uri = members.uri
        """Reaches the set; a test may put a database of its own into it."""

    async def primary(self) -> str:
        """The primary."""
        name: str = (await self._hello(self.uri))["primary"]
        return name

    async def others(self) -> list[str]:
        """The secondaries."""
        primary = await self.primary()
        return [host for host in self._set.hosts if host != primary]

    def alone(self, host: str) -> str:
        """The URI of one member alone."""
        return self.uri.replace(",".join(self._set.hosts), host) + "&directConnection=true"

    async def _hello(self, uri: str) -> Document:
        database = connect(uri)
        answer = await database.command("hello")
        await database.client.close()
        return answer

    async def kill_primary(self) -> None:
        """Kill -9; the supervisor starts it again."""
        self._signal(signal.SIGKILL, [await self.primary()])

    def freeze(self, *hosts: str) -> None:
        """Stop members as a hanging machine would: connections stay open, nothing is answered."""
        self._signal(signal.SIGSTOP, hosts)

    async def freeze_primary(self) -> None:
        """Stop the primary of a whole set; one that lost an election just before was none: then the next is stopped."""
        async with asyncio.timeout(2 * PRIMARY_BACK_S):
            while True:
                await self.thaw()
                primary = await self.primary()
                self.freeze(primary)
                others = [self.alone(host) for host in self._set.hosts if host != primary]
                if {(await self._hello(uri)).get("primary") for uri in others} == {primary}:
                    return

    async def thaw(self) -> None:
        """Let all go on, and wait until they are a whole set again."""
        self._signal(signal.SIGCONT, self._set.hosts)
        async with asyncio.timeout(2 * PRIMARY_BACK_S):
            while True:
                try:
                    return await self._set.form()
                except NotFormed:  # an election that the frozen ones missed cut the connection
                    await asyncio.sleep(0.1)

    def _signal(self, number: signal.Signals, hosts: Collection[str]) -> None:
        for host, standing in zip(self._set.hosts, self._supervisor.standings(), strict=True):
            if host in hosts:
                assert standing.pid is not None
                os.kill(standing.pid, number)


@asynccontextmanager
async def private_set(name: str, directory: Path) -> AsyncIterator[Members]:
    """Three members that nobody else uses; afterwards they are gone."""
    mongo_set = MongoSet(name, directory, any_database=True)
    async with Supervisor(lambda _: None) as supervisor:
        await supervisor.start(*mongo_set.programs)
        await mongo_set.form()
        yield Members(mongo_set, supervisor)
