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

PARAMETERS = (
    "enableLocalhostAuthBypass=false",
    # Statistics recorded every second for MongoDB's support: a third of what an idle member costs.
    "diagnosticDataCollectionEnabled=false",
    # The entries of one insert go to one thread instead of being dealt out to 16: less waking up.
    "replWriterThreadCount=1",
    # Nobody reads what stood there some minutes ago: versions that no reader needs any more are not kept for 5 minutes.
    "minSnapshotHistoryWindowInSeconds=0",
    # What a client that was killed had under way holds up nobody for longer; ours take less.
    "transactionLifetimeLimitSeconds=5",
)
"""What every member of ours is started with, wherever it runs."""

SMALL_LOG = ("--wiredTigerEngineConfigString", "log=(file_max=32MB)")
"""Of the log that a member writes before its data it makes three files at the start: of 32 MB instead of 100."""

_STOPS_AT_ONCE = (
    # A stop otherwise waits up to 15 s for clients to finish; here those who use the set are stopped before it.
    "shutdownTimeoutMillisForSignaledShutdown=100",
)


class MongoSet:
    """A replica set whose members' data, logs, ports and secrets live in `directory`, so that it can be started again.

    `programs` are the members, for a `Supervisor`; when they run, `form` makes them a set, or adopts the one that they
    are; then `uri` reaches it. Its user may read and write the database `daytrader`, or all with `any_database`, and
    read the set's status. Raises MissingProgram.
    """

    def __init__(self, name: str, directory: Path, members: int = 3, *, any_database: bool = False) -> None:
        names = [f"{name}-{number}" for number in range(members)]
        ports = kept_ports(directory / "ports.json", names)
        self._key = kept_secret(directory / "keyfile")
        self._user = User(_USER, kept_secret(directory / "password"), _roles(any_database))
        self.name = name
        self.hosts = tuple(f"127.0.0.1:{ports[member]}" for member in names)
        self.uri = f"mongodb://{_USER}:{self._user.password}@{','.join(self.hosts)}/?replicaSet={name}&authSource=admin"
        self.programs = tuple(self._member(directory, member, ports[member]) for member in names)

    async def form(self, within_s: float = 60.0) -> None:
        """Waits until the running members are a whole set with its user. Raises NotFormed."""
        await form(self.name, self.hosts, self._key, self._user, within_s)

    def _member(self, directory: Path, member: str, port: int) -> Program:
        data = directory / member
        data.mkdir(parents=True, exist_ok=True)
        argv = (
            str(mongod()),
            *("--replSet", self.name, "--port", str(port), "--bind_ip", "127.0.0.1", "--nounixsocket"),
            *("--dbpath", str(data), "--keyFile", str(directory / "keyfile")),
            *("--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "512", "--quiet", *SMALL_LOG),
            # How often writes that nobody waits for reach the disk. Those with j: true still start the flush themselves
            # and wait for it; what is saved is most wake-ups of an idle member.
            *("--journalCommitInterval", "500"),
            *(word for parameter in PARAMETERS + _STOPS_AT_ONCE for word in ("--setParameter", parameter)),
        )
        return Program(name=member, argv=argv, log=directory / f"{member}.log", port=port)


def _roles(any_database: bool) -> Sequence[dict[str, str]]:
    data = {"role": "readWriteAnyDatabase", "db": "admin"} if any_database else {"role": "readWrite", "db": DATABASE}
    return (data, {"role": "clusterMonitor", "db": "admin"})
