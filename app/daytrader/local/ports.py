"""TCP ports on 127.0.0.1 for local servers: free ones, remembered so that a restart finds everybody where it was."""

import asyncio
import json
import os
import random
import socket
from collections.abc import Collection, Sequence
from pathlib import Path

from daytrader.local.secret import write_private

# Below Linux's range for outgoing connections (32768 and up): a server that is down for a moment must find its port
# again, and would not if any of the many outgoing connections of a busy system had taken it meanwhile.
_CHOICE = range(20_000, 32_000)


_BLOCK = 24
_given: set[int] = set()
"""Ports that this process has been given: servers listen at them only later."""


def free_port(taken: Collection[int] = ()) -> int:
    """A port that no one listens on and that is not in `taken`. Raises OSError when 1,000 tries found none.

    Ports of a block that goes with the process come first, so that processes that start servers at the same time do
    not choose the same one before either listens.
    """
    start = _CHOICE.start + os.getpid() % (len(_CHOICE) // _BLOCK) * _BLOCK
    candidates: list[int] = [*range(start, start + _BLOCK), *random.sample(_CHOICE, 1_000)]
    for port in candidates:
        if port not in taken and port not in _given and is_free(port):
            _given.add(port)
            return port
    raise OSError(f"no free TCP port among 1,000 tried between {_CHOICE.start} and {_CHOICE.stop}: end some servers.")


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:port now."""
    with socket.socket() as probe:
        # As servers do it, so that connections of the one before that are only lingering (TIME_WAIT) do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def kept_ports(path: Path, names: Sequence[str]) -> dict[str, int]:
    """A port for each name, chosen free at the first call and kept in the file (a JSON object) from then on."""
    ports: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
    missing = [name for name in names if name not in ports]
    for name in missing:
        ports[name] = free_port(taken=ports.values())
    if missing:
        write_private(path, json.dumps(ports, indent=1) + "\n")
    return {name: ports[name] for name in names}


async def answers(port: int) -> bool:
    """Whether a server accepts connections on 127.0.0.1:port, decided within a second."""
    try:
        async with asyncio.timeout(1):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
