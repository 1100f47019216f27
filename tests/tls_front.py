"""TLS in front of a server that speaks none: what a Redis or MongoDB with a certificate looks like to its clients."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from daytrader.tls import ServerTls


class Front:
    """Passes on what clients send by TLS; `cut` closes all connections."""

    def __init__(self, tls: ServerTls, port: int) -> None:
        self._tls = tls
        self._behind = port
        self._connections: set[asyncio.Task[None]] = set()
        self.port = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Front"]:
        """Listen at `port` for as long as the `async with` block lasts."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls.context)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            await self.cut()

    async def cut(self) -> None:
        """Close all connections."""
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        behind_reader, behind_writer = await asyncio.open_connection("127.0.0.1", self._behind)
        ways = [asyncio.create_task(_pass(reader, behind_writer)), asyncio.create_task(_pass(behind_reader, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            pass  # `cut`: whoever awaits this task need not hear of it
        finally:
            for way in ways:
                way.cancel()
            writer.close()
            behind_writer.close()
            self._connections.discard(task)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        return
