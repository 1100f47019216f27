"""What the facts of one observation mean: which configuration counts, who is primary, what is in the way."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from daytrader_operator.config import voters
from daytrader_operator.desired import ACCEPT_DATA_LOSS, Desired
from daytrader_operator.facts import IN_SERVICE, Config, Mongod, Observed, Says

CLOSE: Final = timedelta(seconds=5)
"""A member that lags less may be relied on while another one is away."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a set is left as it is until somebody does something: a word for conditions, and what to do."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The set as a whole. Members are named by their `host:port`."""

    config: Config | None
    """The newest configuration of the set; None: it was never initiated, or nobody who knows it answers."""
    replica_set_id: str | None
    primary: str | None
    healthy: frozenset[str]
    """Members of the configuration that are PRIMARY or SECONDARY, in their own eyes and in the primary's."""
    lagging: frozenset[str]
    """Healthy ones that are not close behind the primary."""
    trouble: Trouble | None

    @property
    def has_majority(self) -> bool:
        """Whether enough voters are healthy to elect a primary and to acknowledge writes."""
        return self.config is not None and has_majority(voters(self.config), self.healthy)

    @property
    def is_whole(self) -> bool:
        """Whether there is a primary and every member of the configuration is healthy."""
        return self.config is not None and self.primary is not None and self.healthy >= {*self.config.hosts}


def has_majority(of: Iterable[str], healthy: frozenset[str]) -> bool:
    """Return whether more than half of the voters `of` are healthy."""
    counted = {*of}
    return len(counted & healthy) > len(counted) / 2


def diagnose(desired: Desired, observed: Observed) -> Diagnosis:
    """Return what the facts mean. Pure."""
    known = observed.status.get("replicaSetId")
    configured = {host: found for host, found in observed.mongods.items() if found.config is not None}
    ids = {_id(found) for found in configured.values() if _config(found).name == desired.name}
    ours = _ours(known, ids, lost=known is not None and desired.accepted_loss == known)
    members = {host: found for host, found in configured.items() if _id(found) == ours}
    config = max((_config(found) for found in members.values()), key=lambda config: config.age, default=None)
    primary = _primary(members)
    healthy = frozenset(host for host in config.hosts if _is_healthy(host, members, primary)) if config else frozenset()
    return Diagnosis(
        config=config,
        replica_set_id=ours,
        primary=primary,
        healthy=healthy,
        lagging=frozenset(host for host in healthy if not _is_close(members[host], members[primary or host])),
        trouble=_trouble(desired, observed, config, ours),
    )


def _ours(known: str | None, ids: set[str], *, lost: bool) -> str | None:
    """The id of our set: the recorded one, or that of all members, where none is recorded or its loss is accepted."""
    if len(ids) == 1 and (known is None or lost):
        return next(iter(ids))
    return known


def _primary(members: Mapping[str, Mongod]) -> str | None:
    """A primary that was cut off may not know it yet: the one of the highest term is the primary."""
    primaries = {host: found.term for host, found in members.items() if found.writable}
    return max(primaries, key=primaries.__getitem__, default=None)


def _is_healthy(host: str, members: Mapping[str, Mongod], primary: str | None) -> bool:
    found = members.get(host)
    if found is None or found.state not in IN_SERVICE:
        return False
    return primary is None or members[primary].peers.get(host) in IN_SERVICE


def _is_close(member: Mongod, primary: Mongod) -> bool:
    if member.applied is None or primary.applied is None:
        return False
    return primary.applied - member.applied < CLOSE


def _trouble(desired: Desired, observed: Observed, config: Config | None, ours: str | None) -> Trouble | None:
    if desired.spec.tls and observed.certificate is None:
        return Trouble("NoCertificate", observed.why_no_certificate)
    foreign = _foreign(desired, observed, ours)
    if foreign:
        return foreign
    if config is not None:
        return _other_hosts(desired, config)
    answers = [observed.mongod(host) for host in desired.hosts]
    if not all(found.says is Says.EMPTY for found in answers):
        return None
    known = observed.status.get("replicaSetId")
    if known is not None and desired.accepted_loss != known:
        return Trouble(
            "DataLost",
            f"the set {known} was formed once, and now all {len(answers)} members are empty. Bring the volumes back, "
            f"or accept it: kubectl annotate mrs {desired.name} {ACCEPT_DATA_LOSS}={known}, and restore a backup.",
        )
    return None


def _foreign(desired: Desired, observed: Observed, ours: str | None) -> Trouble | None:
    strangers = []
    for host, found in sorted(observed.mongods.items()):
        if found.says is Says.STRANGE:
            strangers.append(f"{desired.member(host)} holds {found.why}")
        elif found.config is not None and _id(found) != ours:
            strangers.append(f"{desired.member(host)} belongs to the set {found.config.name} {_id(found)}")
    if not strangers:
        return None
    what = f"this set is {ours}" if ours else "it is not known which set is the right one"
    return Trouble(
        "ForeignMember",
        f"{'; '.join(strangers)}; {what}. Nothing is changed. Give each such member its own volume back, or, if its "
        f"data are not needed, delete its claim data-{desired.name}-N and its pod: it then copies the others' data.",
    )


def _other_hosts(desired: Desired, config: Config) -> Trouble | None:
    others = sorted(host for host in config.hosts if not desired.is_own(host))
    if not others:
        return None
    return Trouble(
        "OtherHosts",
        f"the data were written by a set of other names ({', '.join(others)}). Nothing is changed. Install under the "
        f"release name and in the namespace that these names are made of, take a backup there, and restore it here.",
    )


def _id(found: Mongod) -> str:
    return _config(found).replica_set_id


def _config(found: Mongod) -> Config:
    if found.config is None:
        raise ValueError(f"a member that {found.says.value} has no configuration")
    return found.config
