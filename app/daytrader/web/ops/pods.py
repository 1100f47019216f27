"""The pods of a release as the API of Kubernetes shows them, and what can be done to them: pure."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from daytrader.web.ops.breaking import QUOTES, Breakage

COMPONENT: Final = "app.kubernetes.io/component"

SERVICES: Final = ("web", "transaction", "audit", "quotes", "redis", "operator")

SETS: Final = {"data-set": "Members of the data set", "audit-set": "Members of the audit set"}

KILL_GRACE_S: Final = 1
"""Seconds that the processes of a killed pod have. Not 0: then the API forgets the pod, and its node may not have
ended it yet; and the web replica that is asked may be the one to go, and has to answer first."""

_FELT: Final = {
    "web": "connections to it break, and clients send again to another; with a single web pod nobody connects",
    "transaction": "its partitions go to another replica, or wait until it is there; commands under way are sent again",
    "audit": "the log stands still, if it was the only one, until the new one has caught up; trading goes on",
    "quotes": "who needs a quote that nobody has asked for within a minute is answered 503, if it was the only one",
    "redis": "cached quotes are forgotten and asked for again, which costs money; each replica caches for itself",
    "operator": "nobody looks after the replica sets and workloads; trading goes on",
}

_DELAY: Final = (
    " The mock quote server reads it from a mounted ConfigMap, which Kubernetes brings up to date within about a "
    "minute and a half."
)


class Metadata(msgspec.Struct, frozen=True, rename="camel"):
    """Whose an object is."""

    name: str
    uid: str = ""
    labels: Mapping[str, str] = {}
    creation_timestamp: str = ""
    """When it was made, as text that sorts."""
    deletion_timestamp: str | None = None
    """Set when it is on its way out."""
    resource_version: str = ""


class PodStatus(msgspec.Struct, frozen=True):
    """How a pod is."""

    phase: str = ""


class Pod(msgspec.Struct, frozen=True):
    """A pod."""

    metadata: Metadata
    status: PodStatus = PodStatus()

    @property
    def name(self) -> str:
        """Its name."""
        return self.metadata.name

    @property
    def component(self) -> str:
        """Of which component it is."""
        return self.metadata.labels.get(COMPONENT, "")

    @property
    def runs(self) -> bool:
        """Whether it was started, and is not on its way out."""
        return self.status.phase == "Running" and self.metadata.deletion_timestamp is None


class Pods(msgspec.Struct, frozen=True):
    """A list of pods."""

    items: Sequence[Pod] = ()


class SetStatus(msgspec.Struct, frozen=True):
    """What the operator tells of a replica set."""

    primary: str | None = None
    """The pod of the primary."""


class ReplicaSet(msgspec.Struct, frozen=True):
    """A MongoReplicaSet."""

    metadata: Metadata
    status: SetStatus = SetStatus()


class ReplicaSets(msgspec.Struct, frozen=True):
    """A list of replica sets."""

    items: Sequence[ReplicaSet] = ()


def offers_of(pods: Sequence[Pod], sets: Sequence[ReplicaSet]) -> Sequence[Breakage]:
    """Return what can be done to the pods that run, with each set's primary named as such where it is known."""
    running = [pod for pod in pods if pod.runs]
    counts = {component: sum(pod.component == component for pod in running) for component in (*SERVICES, *SETS)}
    primaries = {found.status.primary for found in sets}
    services = [_kill(component, counts[component]) for component in SERVICES if counts[component]]
    members = [
        _delete(
            pod, _goes_on(counts[component], sum(each.component == component for each in pods)), pod.name in primaries
        )
        for component in SETS
        for pod in sorted(running, key=lambda each: each.name)
        if pod.component == component
    ]
    quotes = [msgspec.structs.replace(offer, says=offer.says + _DELAY) for offer in QUOTES] if counts["quotes"] else []
    return [*services, *members, *quotes]


def pod_of(name: str, pods: Sequence[Pod]) -> Pod | None:
    """Return the pod that the offer `name` is about; None: there is none."""
    verb, _, what = name.partition(" ")
    running = [pod for pod in pods if pod.runs]
    if verb == "delete":
        return next((pod for pod in running if pod.name == what and pod.component in SETS), None)
    if verb == "kill" and what in SERVICES:
        found = [pod for pod in running if pod.component == what]
        return min(found, key=lambda pod: (pod.metadata.creation_timestamp, pod.name), default=None)
    return None


def _kill(component: str, count: int) -> Breakage:
    which = f"The {component} pod" if count == 1 else f"Of {count} {component} pods the oldest"
    label = f"Kill the {component} pod" if count == 1 else f"Kill one of {count} {component} pods"
    says = (
        f"{which} is deleted, and its processes have {KILL_GRACE_S} s in place of the time to end in order. Its "
        f"Deployment makes another. Meanwhile {_FELT[component]}."
    )
    return Breakage(f"kill {component}", "Services", label, says)


def _goes_on(running: int, members: int) -> bool:
    """Return whether a set of so many members, of which so many run, has a majority with one less."""
    return (running - 1) * 2 > members


def _delete(pod: Pod, goes_on: bool, primary: bool) -> Breakage:
    felt = (
        "The others are a majority, and go on"
        if goes_on
        else "The others are no majority: nothing is written until it is back"
    )
    if primary:
        felt += "; it is the primary, so writes wait some seconds for another to be elected"
    says = f"The pod {pod.name} is deleted, and made again with the same volume; it takes in what it missed. {felt}."
    label = f"Delete {pod.name}" + (" (primary)" if primary else "")
    return Breakage(f"delete {pod.name}", SETS[pod.component], label, says)
