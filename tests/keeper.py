"""One real server for a whole test run: started by the first test process that needs it, gone with the last one.

A process of its own keeps the server (`python -m tests.keeper mongo|redis DIRECTORY`). Every test process that uses it
holds a connection to the keeper; the kernel closes that connection however the process ends, also by Ctrl-C or kill -9,
and when none is left the keeper stops the server, deletes its data and ends. Should the keeper itself be killed, the
kernel kills the server with it.
"""

import asyncio
import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from daytrader.local.mongod import MongoSet
from daytrader.local.redis_server import RedisServer
from daytrader.local.supervisor import Supervisor

_FIRST_WITHIN_S = 10.0
_READY_WITHIN_S = 90.0
_STOPPED_WITHIN_S = 15.0
_ROOT = Path(__file__).parents[1]


@contextlib.contextmanager
def kept(kind: str, directory: Path) -> Iterator[str]:
    """The URL of the server of this kind (mongo or redis) that all who name the same directory share."""
    with contextlib.ExitStack() as stack:
        with (directory / f"{kind}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                connection, url = _join(kind, directory)
            except OSError:  # none was started yet, or it has just ended with its last user
                _start(kind, directory)
                connection, url = _join(kind, directory)
            stack.enter_context(connection)
        yield url
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(_STOPPED_WITHIN_S)
        connection.recv(1)  # returns at once while there are other users, for the last one when the server has stopped


def _join(kind: str, directory: Path) -> tuple[socket.socket, str]:
    port = int((directory / f"{kind}.port").read_text())
    connection = socket.create_connection(("127.0.0.1", port), timeout=_READY_WITHIN_S)
    with connection.makefile("r") as lines:
        url = lines.readline().strip()
    if url:
        return connection, url
    connection.close()
    raise ConnectionError(f"the {kind} server for the tests is not there: see {directory / f'{kind}.log'}")


def _start(kind: str, directory: Path) -> None:
    """Returns as soon as the keeper can be connected to."""
    with (directory / f"{kind}.log").open("ab") as log:
        argv = [sys.executable, "-m", "tests.keeper", kind, str(directory)]
        subprocess.run(argv, cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True, timeout=30)


async def _mongo(supervisor: Supervisor, directory: Path) -> str:
    members = MongoSet("test", directory, any_database=True)
    await supervisor.start(*members.programs)
    await members.form()
    return members.uri


async def _redis(supervisor: Supervisor, directory: Path) -> str:
    redis = RedisServer("redis", directory)
    await supervisor.start(redis.program)
    return redis.url


_KINDS: dict[str, Callable[[Supervisor, Path], Awaitable[str]]] = {"mongo": _mongo, "redis": _redis}


@contextlib.contextmanager
def _directory(kind: str, parent: Path) -> Iterator[Path]:
    data = Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=parent))
    try:
        yield data
    finally:
        shutil.rmtree(data)


async def _keep(kind: str, listener: socket.socket, address: Path) -> None:
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    changed = asyncio.Event()
    users = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal users
        users += 1
        changed.set()
        writer.write(f"{await asyncio.shield(url)}\n".encode())
        await reader.read()  # its end is the user's end
        users -= 1
        changed.set()
        if users:
            writer.close()  # the last one's closes with this process, when all is stopped

    server = await asyncio.start_server(serve, sock=listener)
    with _directory(kind, address.parent) as data:
        async with Supervisor(lambda words: print(words, flush=True)) as supervisor:  # noqa: T201 - goes to its log
            url.set_result(await _KINDS[kind](supervisor, data))
            await asyncio.wait_for(changed.wait(), _FIRST_WITHIN_S)
            while users:
                changed.clear()
                await changed.wait()
            server.close()
            address.unlink()  # noqa: ASYNC240 - nobody is left whom it could keep waiting


def main() -> None:
    """Listens, tells where, and leaves the keeping to a child of its own, in a session that no Ctrl-C reaches."""
    kind, directory = sys.argv[1], Path(sys.argv[2])
    listener = socket.create_server(("127.0.0.1", 0))
    fresh, address = directory / f".{kind}.port", directory / f"{kind}.port"
    fresh.write_text(str(listener.getsockname()[1]))
    fresh.replace(address)
    if os.fork() == 0:
        os.setsid()
        asyncio.run(_keep(kind, listener, address))


if __name__ == "__main__":
    main()
