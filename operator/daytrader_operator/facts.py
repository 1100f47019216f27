"""What is there: the facts that one observation of a replica set gathers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import Any, Final

PRIMARY: Final = "PRIMARY"
SECONDARY: Final = "SECONDARY"
IN_SERVICE: Final = frozenset({PRIMARY, SECONDARY})

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Config:
    """A replica set's configuration, as a member holds it."""

    document: Document

    @property
    def name(self) -> str:
        """The name of the set."""
        return str(self.document["_id"])

    @property
    def replica_set_id(self) -> str:
        """What tells this set from every other of the same name; 24 hexadecimal digits."""
        return str(self.document["settings"]["replicaSetId"])

    @property
    def age(self) -> tuple[int, int]:
        """The higher the newer."""
        return int(self.document.get("term", -1)), int(self.document["version"])

    @property
    def hosts(self) -> tuple[str, ...]:
        """The `host:port` of every member."""
        return tuple(member["host"] for member in self.document["members"])


class Says(Enum):
    """How a member answers."""

    SILENT = "does not answer"
    REFUSES = "does not take the set's keyfile as a password"
    EMPTY = "has no data"
    STRANGE = "has data, but belongs to no set"
    CONFIGURED = "belongs to a set"


@dataclass(frozen=True, slots=True)
class Mongod:
    """What a member says of itself. All but `says` and `why` is known only of one that belongs to a set."""

    says: Says
    why: str = ""
    """The error, or what the strange data are."""
    config: Config | None = None
    state: str = ""
    """MongoDB's word: PRIMARY, SECONDARY, STARTUP2 (which copies all data), RECOVERING, REMOVED, …"""
    writable: bool = False
    """It is primary and has begun to serve as one: right after its election it takes no commands yet."""
    copying: bool = False
    """It has no data of its own yet and copies another's (initial sync)."""
    term: int = 0
    applied: datetime | None = None
    """When the newest entry that it has applied was written."""
    peers: Mapping[str, str] = field(default_factory=dict)
    """The state of each member as this one sees it; an unreachable one has none."""
    version: str = ""
    certificate: str = ""
    """SHA-256 of the certificate that it shows; empty without TLS."""


SILENT: Final = Mongod(Says.SILENT)


@dataclass(frozen=True, slots=True)
class Pod:
    """A member's pod. `in_the_set` is its readiness gate, None where nobody has set it yet."""

    name: str
    uid: str
    revision: str
    running: bool
    leaving: bool
    in_the_set: bool | None
    trouble: str = ""
    """Why its container does not run, as the kubelet says it."""


@dataclass(frozen=True, slots=True)
class Workload:
    """The StatefulSet. `settled`: its controller has seen the newest change, so that `revision` holds."""

    replicas: int
    revision: str
    settled: bool
    storage: str


@dataclass(frozen=True, slots=True)
class Credentials:
    """The user Secret."""

    username: str
    password: str
    uri: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with its key, and the authority that the members and the operator believe; all PEM."""

    server: str
    authority: str
    fingerprint: str
    """SHA-256 of the certificate itself."""


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that one pass has seen. Members are known by their `host:port`, pods by their ordinal."""

    status: Mapping[str, Any]
    """What the resource's status said before."""
    key: str | None = None
    """The keyfile's text."""
    credentials: Credentials | None = None
    certificate: Certificate | None = None
    """What the user's TLS Secret gives; None where it cannot be used, and `why_no_certificate` says why."""
    why_no_certificate: str = ""
    mounted: Certificate | None = None
    """What the members' own TLS Secret holds."""
    workload: Workload | None = None
    applied: Mapping[str, str] = field(default_factory=dict)
    """The digest of what was applied last, by kind of object."""
    pods: Mapping[int, Pod] = field(default_factory=dict)
    volumes: Mapping[int, str] = field(default_factory=dict)
    """The size asked for each member's volume."""
    mongods: Mapping[str, Mongod] = field(default_factory=dict)
    user_is_made: bool = False

    @property
    def authority(self) -> str | None:
        """The authority that members must have a certificate of; None without TLS.

        Where the user's Secret is of no use, it is the one that the members were given; where it has another than they
        were given, both.
        """
        if self.certificate is None or self.mounted is None:
            certificate = self.certificate or self.mounted
            return certificate.authority if certificate else None
        new, old = self.certificate.authority, self.mounted.authority
        return old if new.strip() in old else f"{new.strip()}\n{old}"

    @property
    def given(self) -> Certificate | None:
        """What the members are to be given; None without TLS, or where the user's Secret is of no use.

        Until all of them show the user's certificate, the authority of the one before stays beside its own: whoever did
        not believe it could no more reach those that have not read the new one yet, to tell them to.
        """
        certificate = self.certificate
        if certificate is None or self.authority is None:
            return None
        shown = {found.certificate for found in self.mongods.values()}
        return certificate if shown == {certificate.fingerprint} else replace(certificate, authority=self.authority)

    def mongod(self, host: str) -> Mongod:
        """What the member at `host` says."""
        return self.mongods.get(host, SILENT)
