"""A MongoDB replica set of real servers on this machine: its own keyfile, ports, user and data in one directory."""

from collections.abc import Sequence
from pathlib import Path

from daytrader.local.binaries import mongod
from daytrader.local.formation import User, form
from daytrader.local.ports import kept_ports
from daytrader.local.process import Program
from daytrader.local.secret import kept_secret

DATABASE = "daytrader"
_USER = "daytrader"


class MongoSet:
    """A replica set whose members' data, logs, ports and secrets live in `directory`, so that it can be started again.

    `programs` are the members, for a `Supervisor`; when they run, `form` makes them a set, or adopts the one that they
    are; then `uri` reaches it. Its user may read and write the database `daytrader`, or all with `any_database`, and
    read the set's status. Raises MissingProgram.
    """

    def __init__(self, name: str, directory: Path, members: int = 3, *, any_database: bool = False) -> None:
        names = [f"{name}-{number}" for number in range(members)]
        ports = kept_ports(directory / "ports.json", names)
        keyfile = directory / "keyfile"
        self._key = kept_secret(keyfile)
        self._user = User(_USER, kept_secret(directory / "password"), _roles(any_database))
        self.name = name
        self.hosts = tuple(f"127.0.0.1:{ports[member]}" for member in names)
        self.uri = (
            f"mongodb://{_USER}:{self._user.password}@{','.join(self.hosts)}/?replicaSet={name}&authSource=admin"
        )
        for member in names:
            (directory / member).mkdir(parents=True, exist_ok=True)
        self.programs = tuple(
            Program(
                name=member,
                argv=(str(mongod()), *_arguments(name, ports[member], directory / member, keyfile)),
                log=directory / f"{member}.log",
                port=ports[member],
            )
            for member in names
        )

    async def form(self, within_s: float = 60.0) -> None:
        """Waits until the running members are a whole set with its user. Raises NotFormed."""
        await form(self.name, self.hosts, self._key, self._user, within_s)


def _roles(any_database: bool) -> Sequence[dict[str, str]]:
    data = {"role": "readWriteAnyDatabase", "db": "admin"} if any_database else {"role": "readWrite", "db": DATABASE}
    return (data, {"role": "clusterMonitor", "db": "admin"})


def _arguments(name: str, port: int, data: Path, keyfile: Path) -> Sequence[str]:
    return (
        *("--replSet", name, "--port", str(port), "--bind_ip", "127.0.0.1", "--nounixsocket"),
        *("--dbpath", str(data), "--keyFile", str(keyfile)),
        *("--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "512"),
        *("--setParameter", "enableLocalhostAuthBypass=false"),
    )
