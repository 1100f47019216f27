"""A stand-in for a Redis with TLS: it serves the certificate of its files, and reads them again when it is told to.

The redis-server that tests have is built without TLS; this answers AUTH, HELLO, CLIENT and the two CONFIG commands as
Redis does, over real TLS.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

PASSWORD = "right"


class RedisStandIn:
    """Serves what `directory` holds: tls.crt and tls.key."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.commands: list[list[str]] = []
        """What it was told, but for what every client says first."""
        self.port = 0

    def _read_files(self) -> None:
        self._context.load_cert_chain(self._directory / "tls.crt", self._directory / "tls.key")

    @asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        """Serve at a free port of the loopback."""
        self._read_files()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        trusted = False
        try:
            while True:
                command = await _command(reader)
                trusted = trusted or command[-3:] == ["AUTH", "default", PASSWORD] or command == ["AUTH", PASSWORD]
                writer.write(self._answer(command) if trusted else b"-NOAUTH Authentication required.\r\n")
        except (asyncio.IncompleteReadError, OSError):
            pass  # the client has gone
        finally:
            writer.close()

    def _answer(self, command: list[str]) -> bytes:
        match [word.upper() for word in command[:2]]:
            case ["HELLO", *_]:
                return b"%1\r\n+proto\r\n:3\r\n"
            case ["CONFIG", "GET"]:
                self.commands.append(command)
                path = str(self._directory / "tls.crt").encode()
                return b"%%1\r\n$13\r\ntls-cert-file\r\n$%d\r\n%b\r\n" % (len(path), path)
            case ["CONFIG", "SET"]:
                self.commands.append(command)
                try:
                    self._read_files()
                except (OSError, ssl.SSLError):
                    return b"-ERR Unable to update TLS configuration. Check server logs.\r\n"
                return b"+OK\r\n"
            case _:
                return b"+OK\r\n"


async def _command(reader: asyncio.StreamReader) -> list[str]:
    words = []
    for _ in range(int((await reader.readuntil(b"\r\n"))[1:])):
        length = int((await reader.readuntil(b"\r\n"))[1:])
        words.append((await reader.readexactly(length + 2))[:-2].decode())
    return words
