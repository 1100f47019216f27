"""What to do next: from what is wanted and what is there to a list of actions. All of it is pure.

Beside what harms nobody (readiness gates, certificates read again) there is one step at most. What each step does shows
in the next observation, so the operator may die before it, in it or after it.
"""

from collections.abc import Callable, Iterable
from typing import Final

from lightkube.utils.quantity import parse_quantity

from daytrader_operator import config as configs
from daytrader_operator import resources
from daytrader_operator.actions import (
    ApplyCertificate,
    ApplyUri,
    Aside,
    DropStatefulSet,
    GrowVolume,
    Initiate,
    MakeDisruptionBudget,
    MakeKeyfile,
    MakeService,
    MakeStatefulSet,
    MakeUser,
    MakeUserSecret,
    Reconfigure,
    Replace,
    RotateCertificate,
    SetGate,
    Step,
    StepDown,
)
from daytrader_operator.desired import Desired
from daytrader_operator.diagnosis import Diagnosis, has_majority
from daytrader_operator.facts import Observed, Pod, Says
from daytrader_operator.pod import DATA


def step(desired: Desired, observed: Observed, diagnosis: Diagnosis) -> Step | None:
    """Return the next step; None: there is nothing to do, or nothing that may be done yet."""
    looks = _OBJECTS if diagnosis.trouble else (*_OBJECTS, *_SET)
    found = (look(desired, observed, diagnosis) for look in looks)
    return next((step for step in found if step is not None), None)


def asides(desired: Desired, observed: Observed, diagnosis: Diagnosis) -> list[Aside]:
    """Return what goes along with any step."""
    # Where no member answers at all, it may be the operator that is cut off. Gates that it closed then would lift the
    # disruption budget of members that serve, for one that is not ready may always be evicted.
    sees = any(found.says is not Says.SILENT for found in observed.mongods.values())
    gates = [
        SetGate(pod.name, pod.uid, desired.host(ordinal) in diagnosis.healthy)
        for ordinal, pod in observed.pods.items()
        if sees and not pod.leaving and bool(pod.in_the_set) != (desired.host(ordinal) in diagnosis.healthy)
    ]
    mounted = observed.mounted
    if mounted is None or mounted != observed.given:
        return [*gates]
    rotations = [
        RotateCertificate(host)
        for host, found in sorted(observed.mongods.items())
        if found.certificate and found.certificate != mounted.fingerprint
    ]
    return [*gates, *rotations]


def outdated(observed: Observed) -> dict[int, Pod]:
    """Return the pods that were made from another template than the current one; none while that is not known."""
    workload = observed.workload
    if workload is None or not workload.settled:
        return {}
    return {
        ordinal: pod for ordinal, pod in observed.pods.items() if pod.revision != workload.revision and not pod.leaving
    }


def _secrets(desired: Desired, observed: Observed, diagnosis: Diagnosis) -> Step | None:  # noqa: ARG001
    if observed.key is None:
        return MakeKeyfile()
    credentials = observed.credentials
    if credentials is None:
        return MakeUserSecret()
    if credentials.uri != resources.uri(desired, credentials.username, credentials.password):
        return ApplyUri(credentials)
    given = observed.given
    if given is not None and observed.mounted != given:
        return ApplyCertificate(given)
    return None


def _objects(desired: Desired, observed: Observed, diagnosis: Diagnosis) -> Step | None:  # noqa: ARG001
    if observed.applied.get("Service") != resources.applied_digest(resources.service(desired).metadata):
        return MakeService()
    budget = resources.disruption_budget(desired)
    if observed.applied.get("PodDisruptionBudget") != resources.applied_digest(budget.metadata):
        return MakeDisruptionBudget()
    return None


def _stateful_set(desired: Desired, observed: Observed, diagnosis: Diagnosis) -> Step | None:  # noqa: ARG001
    key, workload, size = observed.key or "", observed.workload, desired.spec.storage.size
    if workload is None:
        # As many as there are volumes: a set that is installed again with fewer members needs all of them for its
        # majority, and gives the others up in order.
        replicas = max([desired.spec.members, *(ordinal + 1 for ordinal in observed.volumes)])
        return MakeStatefulSet(key, replicas, f"made the StatefulSet with {replicas} members")
    if _is_more(size, workload.storage):
        return DropStatefulSet()
    wanted = resources.stateful_set(desired, key, workload.replicas)
    if observed.applied.get("StatefulSet") != resources.applied_digest(wanted.metadata):
        return MakeStatefulSet(key, workload.replicas, "applied the StatefulSet, for its members are wanted otherwise")
    return None


def _replace_hopeless(desired: Desired, observed: Observed, diagnosis: Diagnosis) -> Step | None:  # noqa: ARG001
    """A member that does not run, or has another keyfile, can only win by being made from the current template."""
    for ordinal, pod in sorted(outdated(observed).items()):
        if not pod.running:
            return Replace(
                pod.name, pod.uid, f"evicted {pod.name}: it does not run, and is not of the current template"
            )
        if observed.mongod(desired.host(ordinal)).says is Says.REFUSES:
            return Replace(pod.name, pod.uid, f"evicted {pod.name}: it was started with another keyfile")
    return None


def _grow_volumes(desired: Desired, observed: Observed, diagnosis: Diagnosis) -> Step | None:  # noqa: ARG001
    size = desired.spec.storage.size
    for ordinal, asked in sorted(observed.volumes.items()):
        if ordinal < desired.spec.members and _is_more(size, asked):
            claim = f"{DATA}-{desired.pod(ordinal)}"
            return GrowVolume(claim, size, f"asked for {size} for {claim}, which had {asked}")
    return None


def _initiate(desired: Desired, observed: Observed, diagnosis: Diagnosis) -> Step | None:
    """A set is made only of members that have all answered, and are all empty: any other one may hold the data."""
    if diagnosis.config is not None:
        return None
    volumes = [desired.host(ordinal) for ordinal in observed.volumes]
    if not all(observed.mongod(host).says is Says.EMPTY for host in (*desired.hosts, *volumes)):
        return None
    host = desired.host(0)
    message = f"initiated the replica set with {desired.pod(0)}, for all members are empty"
    return Initiate(host, configs.first(desired.name, host), message)


def _settings(desired: Desired, observed: Observed, diagnosis: Diagnosis) -> Step | None:  # noqa: ARG001
    config, primary = diagnosis.config, diagnosis.primary
    if config is None or primary is None or not diagnosis.has_majority or configs.has_settings(config):
        return None
    return Reconfigure(primary, configs.with_settings(config), "gave the set its time limits")


def _user(desired: Desired, observed: Observed, diagnosis: Diagnosis) -> Step | None:
    if diagnosis.primary is None or not diagnosis.has_majority or observed.user_is_made:
        return None
    if observed.credentials is None:
        return None
    return MakeUser(diagnosis.primary, resources.create_user(desired, observed.credentials))


def _fewer_members(desired: Desired, observed: Observed, diagnosis: Diagnosis) -> Step | None:
    """Out of the configuration first, then the pods; the primary goes last, after another has taken over."""
    config, primary, workload = diagnosis.config, diagnosis.primary, observed.workload
    if config is None or primary is None or workload is None:
        return None
    extra = [host for host in config.hosts if host not in desired.hosts]
    if not extra:
        if workload.replicas > desired.spec.members:
            what = f"the StatefulSet has {desired.spec.members} members now: the others have left the set"
            return MakeStatefulSet(observed.key or "", desired.spec.members, what)
        return None
    leaving = [host for host in (*_without(extra, diagnosis.healthy), *reversed(extra)) if host != primary]
    for host in leaving:
        if has_majority([voter for voter in configs.voters(config) if voter != host], diagnosis.healthy):
            message = f"took {desired.member(host)} out of the set, which is to have {desired.spec.members} members"
            return Reconfigure(primary, configs.without_member(config, host), message)
    staying = (diagnosis.healthy - diagnosis.lagging).intersection(desired.hosts)
    if extra == [primary] and staying and diagnosis.has_majority:
        return StepDown(primary, f"{desired.member(primary)} stepped down: it is to leave the set")
    return None


def _more_members(desired: Desired, observed: Observed, diagnosis: Diagnosis) -> Step | None:
    """The pods first, then into the configuration: one at a time, and never while one copies its data."""
    config, primary, workload = diagnosis.config, diagnosis.primary, observed.workload
    if workload is not None and workload.replicas < desired.spec.members:
        what = f"the StatefulSet has {desired.spec.members} members now; they join the set one by one"
        return MakeStatefulSet(observed.key or "", desired.spec.members, what)
    if config is None or primary is None or not diagnosis.is_whole:
        return None
    for host in _without(desired.hosts, frozenset(config.hosts)):
        found = observed.mongod(host).says
        # One that was a member before comes back with its old data, and catches up.
        if found in {Says.EMPTY, Says.CONFIGURED}:
            message = f"took {desired.member(host)} into the set: it {found.value}, and all members are in service"
            return Reconfigure(primary, configs.with_member(config, host), message)
    return None


def _roll(desired: Desired, observed: Observed, diagnosis: Diagnosis) -> Step | None:
    """Secondaries first, each when all others are in service and close behind; then step down, then the last one."""
    primary, config = diagnosis.primary, diagnosis.config
    old = outdated(observed)
    if not old or primary is None or config is None or not diagnosis.is_whole or diagnosis.lagging:
        return None
    expected = range(desired.spec.members)
    if {*config.hosts} != {*desired.hosts} or any(n not in observed.pods or observed.pods[n].leaving for n in expected):
        return None
    for ordinal, pod in sorted(old.items(), reverse=True):
        if desired.host(ordinal) != primary or len(config.hosts) == 1:
            message = f"evicted {pod.name}: it is not of the current template, and all members are in service"
            return Replace(pod.name, pod.uid, message)
    return StepDown(
        primary, f"{desired.member(primary)} stepped down: it is the last that is not of the current template"
    )


def _is_more(size: str, other: str) -> bool:
    return (parse_quantity(size) or 0) > (parse_quantity(other) or 0)


def _without(hosts: Iterable[str], others: frozenset[str]) -> list[str]:
    return [host for host in hosts if host not in others]


Look = Callable[[Desired, Observed, Diagnosis], Step | None]

_OBJECTS: Final[tuple[Look, ...]] = (_secrets, _objects, _stateful_set)
"""Changes of these touch no member: pods keep their template until they are replaced."""

_SET: Final[tuple[Look, ...]] = (
    _replace_hopeless, _initiate, _settings, _user, _fewer_members, _more_members, _roll, _grow_volumes,
)  # fmt: skip
