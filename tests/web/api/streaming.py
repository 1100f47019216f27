"""Clients of the API's streams."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp


class Event:
    """An event as it came over the wire."""

    def __init__(self, text: str) -> None:
        self.name = self.id = self.comment = ""
        lines: list[str] = []
        for line in text.split("\n"):
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "data":
                lines.append(value)
            elif field == "id":
                self.id = value
            elif field == "event":
                self.name = value
            elif not field:
                self.comment = value
        self.has_data = bool(lines)
        self.data: Any = json.loads("\n".join(lines)) if lines else None


class Stream:
    """A stream that a test reads."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self._text = ""

    async def piece(self, seconds: float = 10) -> Event:
        """Return the next event or comment. Raises EOFError at the end of the stream."""
        async with asyncio.timeout(seconds):
            while "\n\n" not in self._text:
                more = await self.response.content.readany()
                if not more:
                    raise EOFError
                self._text += more.decode()
        text, _, self._text = self._text.partition("\n\n")
        return Event(text)

    async def next(self, seconds: float = 10) -> Event:
        """Return the next event."""
        while True:
            event = await self.piece(seconds)
            if event.has_data:
                return event


class Asking:
    """A client that gives commands."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self._session = session
        self._url = f"http://127.0.0.1:{port}/api/v1"

    async def deposit(self, user: str, cents: int) -> int:
        """Deposit; return the status."""
        async with self._session.post(f"{self._url}/accounts/{user}/deposits", json={"amount_cents": cents}) as answer:
            return answer.status

    async def quote(self, user: str, symbol: str) -> Any:
        """Return the answer to a quote."""
        async with self._session.get(f"{self._url}/accounts/{user}/quotes/{symbol}") as answer:
            return await answer.json()


@asynccontextmanager
async def asking(port: int) -> AsyncIterator[Asking]:
    """Give a client of the installation at `port`."""
    async with aiohttp.ClientSession() as session:
        yield Asking(session, port)


@asynccontextmanager
async def streaming(port: int, path: str, **headers: str) -> AsyncIterator[Stream]:
    """Give a stream that is read."""
    async with (
        aiohttp.ClientSession(read_bufsize=2**16) as session,
        session.get(
            f"http://127.0.0.1:{port}/api/v1{path}",
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            timeout=aiohttp.ClientTimeout(total=None),
        ) as response,
    ):
        yield Stream(response)
