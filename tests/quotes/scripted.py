"""A quote server that answers when and as a test tells it to, and a clock that a test turns."""

import asyncio
from typing import Self


class TurnedClock:
    """Stands still until a test moves it on."""

    def __init__(self, now: int = 1_700_000_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


class Question:
    """One connection with its question, waiting for the test's answer."""

    def __init__(self, server: "ScriptedQuoteServer", writer: asyncio.StreamWriter, line: bytes) -> None:
        self._server = server
        self._writer = writer
        self.line = line
        self.symbol, _, self.user = line.decode("ascii").rstrip("\n").partition(",")
        self.open = True

    def answer(self, price: str = "5.00") -> str:
        """Answer as the protocol says, with a cryptokey that no other answer has; returns the cryptokey."""
        key = f"{len(self._server.paid):056d}"
        self._server.paid.append(key)
        self.send(f"{price},{self.symbol},{self.user},1234,{key}\n".encode("ascii"))
        return key

    def send(self, data: bytes) -> None:
        """Write `data` and close."""
        self._writer.write(data)
        self.close()

    def write(self, data: bytes) -> None:
        """Write `data` and leave the connection open."""
        self._writer.write(data)

    def close(self) -> None:
        """Close without (another) answer."""
        self.open = False
        self._writer.close()


class ScriptedQuoteServer:
    """Keeps every question until the test answers it."""

    def __init__(self) -> None:
        self.questions: list[Question] = []
        self.paid: list[str] = []
        """The cryptokeys of all answers given."""
        self._came = asyncio.Condition()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.address: tuple[str, int] = (host, port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for question in self.waiting():
            question.close()
        await self._server.wait_closed()

    async def question(self, number: int) -> Question:
        """The `number`th question, from 0, when it has come."""
        async with asyncio.timeout(10), self._came:
            await self._came.wait_for(lambda: len(self.questions) > number)
        return self.questions[number]

    def waiting(self) -> list[Question]:
        """The questions without an answer."""
        return [question for question in self.questions if question.open]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        async with self._came:
            if line:
                self.questions.append(Question(self, writer, line))
                self._came.notify_all()
            else:
                writer.close()


async def turns(number: int) -> None:
    """Let the event loop turn `number` times."""
    for _ in range(number):
        await asyncio.sleep(0)
