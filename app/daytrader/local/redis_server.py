"""A local Redis for the shared quote cache: on the loopback, behind a password, in memory only."""

from pathlib import Path

from daytrader.local.binaries import redis_server
from daytrader.local.ports import kept_ports
from daytrader.local.process import Program
from daytrader.local.secret import kept_secret, write_private


class RedisServer:
    """A redis-server whose port and password are kept in `directory`: `program` runs it, `url` reaches it.

    Raises MissingProgram.
    """

    def __init__(self, name: str, directory: Path) -> None:
        port = kept_ports(directory / "ports.json", [name])[name]
        password = kept_secret(directory / "password")
        settings = directory / "redis.conf"
        # In a file and not in the arguments, which every user of the machine can read.
        write_private(settings, _settings(directory, port, password))
        self.url = f"redis://:{password}@127.0.0.1:{port}/0"
        self.program = Program(
            name=name, argv=(str(redis_server()), str(settings)), log=directory / f"{name}.log", port=port, grace_s=5.0
        )


def _settings(directory: Path, port: int, password: str) -> str:
    lines = [
        "bind 127.0.0.1",
        f"port {port}",
        f"requirepass {password}",
        f'dir "{directory}"',
        # A cache of quotes that are worthless after a minute: nothing is worth writing to disk.
        'save ""',
        "appendonly no",
        "maxmemory 64mb",
        "maxmemory-policy allkeys-lru",
    ]
    return "\n".join(lines) + "\n"
