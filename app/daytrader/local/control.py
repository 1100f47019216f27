"""Talking to a running `daytrader up`: a JSON line there, one back, on the loopback, behind a secret."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from daytrader.local.secret import write_private

FILE: Final = "control.json"
ANSWER_WITHIN: Final = 120.0
"""Seconds; a reset waits for services to stop and start."""

Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class NotRunningError(Exception):
    """No installation runs on that directory; the message says how to start one."""


class ControlError(Exception):
    """The running installation could not do what was asked; the message says why."""


class Control:
    """The side of the running installation."""

    def __init__(self, directory: Path, secret: str, handler: Handler) -> None:
        self._path = directory / FILE
        self._secret = secret
        self._handler = handler
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen, and say where in the directory."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        write_private(self._path, json.dumps({"port": port, "secret": self._secret}) + "\n")

    async def close(self) -> None:
        """Stop listening."""
        self._path.unlink(missing_ok=True)
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                asked = json.loads(await reader.readline())
                if asked.pop("secret", None) != self._secret:
                    return
                try:
                    answer = await self._handler(asked)
                except (KeyError, ValueError, RuntimeError, OSError) as error:
                    answer = {"error": str(error.args[0]) if error.args else repr(error)}
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError, TimeoutError):
            return  # whoever asked is gone, or never spoke our language
        finally:
            writer.close()


async def ask(directory: Path, **what: Any) -> dict[str, Any]:
    """Ask the installation that runs on `directory`.

    Raises:
        NotRunningError: none does.
        ControlError: it could not do it.
    """
    try:
        found = json.loads((directory / FILE).read_text())
        reader, writer = await asyncio.open_connection("127.0.0.1", found["port"])
    except (OSError, ValueError) as error:
        raise NotRunningError(f"no `daytrader up` runs on {directory}: start one, or name its --data") from error
    writer.write(json.dumps({**what, "secret": found["secret"]}).encode() + b"\n")
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            line = await reader.readline()
    finally:
        writer.close()
    if not line:
        raise ControlError("the installation gave no answer; see what `daytrader up` says on its screen")
    answer: dict[str, Any] = json.loads(line)
    if "error" in answer:
        raise ControlError(answer["error"])
    return answer
