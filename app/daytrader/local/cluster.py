"""The cluster mode: every service a process of its own, two real replica sets and a real Redis, on one machine."""

import asyncio
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp

from daytrader.clock import system_clock
from daytrader.local.cluster_breaking import ClusterBreaking
from daytrader.local.mock_quotes import MockQuotes
from daytrader.local.mongod import DATABASE, MongoSet
from daytrader.local.ports import kept_ports
from daytrader.local.process import Program
from daytrader.local.redis_server import RedisServer
from daytrader.local.secret import kept_secret
from daytrader.local.supervisor import Supervisor

PROBE_WITHIN: Final = aiohttp.ClientTimeout(total=1)


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """What to start. `replicas` web and as many transaction processes; sets of `members` mongods each."""

    replicas: int = 1
    members: int = 3
    port: int = 8080
    quotes: MockQuotes = field(default_factory=MockQuotes)
    settings: Mapping[str, str] = field(default_factory=dict)
    """Further settings of every service, as environment variables."""
    control: Path | None = None
    """Where the control file of whoever runs it is; None: there is none, and nothing can be broken on purpose."""


class Cluster:
    """An installation whose data, ports, secrets and logs live in `directory`, so that it can be started again."""

    def __init__(self, directory: Path, options: ClusterOptions) -> None:
        self._directory = directory.absolute()
        self._options = options
        self._data = MongoSet("data", self._directory / "data-set", options.members)
        self._audit = MongoSet("audit", self._directory / "audit-set", options.members)
        self._redis = RedisServer("redis", self._directory / "redis")
        numbers = range(options.replicas)
        self.transactions = [f"transaction-{number}" for number in numbers]
        self.webs = [f"web-{number}" for number in numbers]
        services = [*self.transactions, *self.webs, "audit"]
        names = [*services, *(f"{name} metrics" for name in services), "quotes"]
        self._ports = kept_ports(self._directory / "ports.json", names)
        self._mood = self._directory / "quotes-mood"
        self._shared = self._settings()

    @property
    def url(self) -> str:
        """The address that all web replicas share."""
        return f"http://127.0.0.1:{self._options.port}"

    @property
    def data_uri(self) -> str:
        """The MongoDB URI of the data set."""
        return _with_database(self._data.uri)

    @property
    def audit_uri(self) -> str:
        """The MongoDB URI of the audit set."""
        return _with_database(self._audit.uri)

    def metrics_urls(self) -> dict[str, str]:
        """Where each service's metrics are, by its name."""
        return {
            name: f"http://127.0.0.1:{self._ports[f'{name} metrics']}/metrics"
            for name in (*self.webs, *self.transactions, "audit")
        }

    def breaking(self, supervisor: Supervisor, say: Callable[[str], None]) -> ClusterBreaking:
        """Return what can be broken of it on purpose while `supervisor` runs it."""
        services = [*self.webs, *self.transactions, "audit"]
        members = {program.name: program.port for program in (*self._data.programs, *self._audit.programs)}
        return ClusterBreaking(supervisor, services, members, self._mood, system_clock, say)

    def _settings(self) -> dict[str, str]:
        replicas = ",".join(self._base(name) for name in self.transactions)
        return {
            "DAYTRADER_INTERNAL_TOKEN": kept_secret(self._directory / "internal-token"),
            "DAYTRADER_DATA_URI": self.data_uri,
            "DAYTRADER_AUDIT_URI": self.audit_uri,
            "DAYTRADER_REDIS_URL": self._redis.url,
            "DAYTRADER_QUOTE_SERVER": f"127.0.0.1:{self._ports['quotes']}",
            "DAYTRADER_TRANSACTION_URLS": replicas,
            "DAYTRADER_WEB_URLS": ",".join(self._base(name) for name in self.webs),
            "DAYTRADER_AUDIT_URL": self._base("audit"),
            **self._options.settings,
        }

    def _base(self, name: str) -> str:
        return f"http://127.0.0.1:{self._ports[name]}"

    def environment(self, name: str) -> dict[str, str]:
        """Return the environment variables of service `name`."""
        own = {
            "DAYTRADER_REPLICA": name,
            "DAYTRADER_PORT": str(self._ports[name]),
            "DAYTRADER_METRICS_PORT": str(self._ports[f"{name} metrics"]),
        }
        if name in self.webs:
            own["DAYTRADER_SHARED_PORT"] = str(self._options.port)
            own["DAYTRADER_METRICS_URLS"] = ",".join(
                f"{name.partition('-')[0]}={url.removesuffix('/metrics')}" for name, url in self.metrics_urls().items()
            )
            own["DAYTRADER_CONTROL_DIR"] = str(self._options.control.absolute()) if self._options.control else ""
        return {**self._shared, **own}

    async def is_ready(self, name: str) -> bool:
        """Return whether service `name` says that it is ready."""
        try:
            async with (
                aiohttp.ClientSession(timeout=PROBE_WITHIN) as client,
                client.get(f"{self._base(name)}/ready") as answer,
            ):
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    def _service(self, name: str, kind: str) -> Program:
        return Program(
            name=name,
            argv=(sys.executable, "-m", "daytrader", "serve", kind),
            log=self._directory / f"{name}.log",
            env=self.environment(name),
            port=self._ports[name],
            ready=lambda: self.is_ready(name),
            grace_s=25.0,
        )

    def _quotes(self) -> Program:
        port = self._ports["quotes"]
        self._mood.write_text("well")
        options = (*self._options.quotes.argv(), "--mood-file", str(self._mood))
        argv = (sys.executable, "-m", "daytrader", "quotes", "mock", "--port", str(port), *options)
        return Program(name="quotes", argv=argv, log=self._directory / "quotes.log", port=port)

    async def start(self, supervisor: Supervisor, say: Callable[[str], None]) -> None:
        """Start everything, in the order in which the parts need each other.

        Raises:
            NotStarted, NotFormed: a part did not come up; the message says which and why.
        """
        say(f"starting {2 * self._options.members} mongods, redis and the quote server")
        await supervisor.start(*self._data.programs, *self._audit.programs, self._redis.program, self._quotes())
        await asyncio.gather(self._data.form(), self._audit.form())
        say("both replica sets have a primary; starting the services")
        await supervisor.start(
            *(self._service(name, "transaction") for name in self.transactions), self._service("audit", "audit")
        )
        await supervisor.start(*(self._service(name, "web") for name in self.webs))

    def argv(self, name: str) -> list[str]:
        """Return the command that runs service `name`, for running another build in its place.

        Raises KeyError where no service has that name.
        """
        for kind, names in (("web", self.webs), ("transaction", self.transactions), ("audit", ["audit"])):
            if name in names:
                return ["-m", "daytrader", "serve", kind]
        known = ", ".join([*self.webs, *self.transactions, "audit"])
        raise KeyError(f"no service is named {name!r}: there are {known}")


def _with_database(uri: str) -> str:
    return uri.replace("/?", f"/{DATABASE}?", 1)
