"""The resource's status: from what is wanted and what was seen to conditions that kubectl and Helm understand. Pure.

Ready means all of it: a primary is elected, the user is made, and every member that is wanted is in service and of the
current template. Degraded means that somebody may have to do something. Both carry the reason and what to do.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from daytrader_operator.actions import Step
from daytrader_operator.config import voters
from daytrader_operator.desired import SET_LABEL, Desired
from daytrader_operator.diagnosis import Diagnosis, Trouble
from daytrader_operator.facts import Observed, Says
from daytrader_operator.plan import outdated

Status = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """A condition that is not what it was."""

    reason: str
    message: str
    warning: bool


def status_of(desired: Desired, observed: Observed, diagnosis: Diagnosis, step: Step | None, now: datetime) -> Status:
    """Return the status; moments of conditions that did not change are those of the status before."""
    unfinished = _unfinished(desired, observed, diagnosis, step)
    config = diagnosis.config
    formed = diagnosis.replica_set_id
    trouble = diagnosis.trouble or _weakness(desired, observed, diagnosis)
    conditions = (
        _ready(desired, diagnosis, unfinished),
        ("Initialized", formed is not None, "Formed" if formed else "NotFormed", _initialized(formed)),
        _progressing(diagnosis, unfinished, step),
        ("Degraded", trouble is not None, *((trouble.reason, trouble.message) if trouble else ("Whole", ""))),
    )
    before = {condition["type"]: condition for condition in observed.status.get("conditions", [])}
    status: Status = {
        "observedGeneration": desired.metadata.generation,
        "conditions": [
            _condition(before.get(name), name, holds, reason, message, desired.metadata.generation, now)
            for name, holds, reason, message in conditions
        ],
        "members": f"{len(diagnosis.healthy)}/{desired.spec.members}",
        "replicas": len(config.hosts) if config else 0,
        "selector": f"{SET_LABEL}={desired.name}",
        "served": _served(desired, observed, diagnosis),
    }
    if diagnosis.primary is not None:
        status["primary"] = desired.member(diagnosis.primary)
        status["version"] = observed.mongod(diagnosis.primary).version
    if formed is not None:
        status["replicaSetId"] = formed
    return status


def changes(before: Mapping[str, Any], after: Status) -> Iterator[Change]:
    """Yield the conditions that became others, but for Progressing, whose steps tell of themselves."""
    known = {condition["type"]: condition for condition in before.get("conditions", [])}
    for condition in after["conditions"]:
        name, holds = condition["type"], condition["status"] == "True"
        old = known.get(name, {"status": "False", "reason": condition["reason"]})
        if name == "Progressing" or (old["status"], old["reason"]) == (condition["status"], condition["reason"]):
            continue
        if name == "Degraded":
            yield Change(condition["reason"], condition["message"] or "nothing is in the way any more", holds)
        elif holds:
            yield Change(name, condition["message"], warning=False)


def condition_holds(status: Mapping[str, Any], name: str) -> bool:
    """Return whether the condition is True."""
    return any(found["type"] == name and found["status"] == "True" for found in status.get("conditions", []))


def _ready(desired: Desired, diagnosis: Diagnosis, unfinished: Trouble | None) -> tuple[str, bool, str, str]:
    if unfinished is not None:
        return "Ready", False, unfinished.reason, unfinished.message
    primary = desired.member(diagnosis.primary or "")
    members = desired.spec.members
    return "Ready", True, "InService", f"{primary} is primary, all {members} members are in service, the user is made"


def _initialized(formed: str | None) -> str:
    return f"the replica set {formed} was formed" if formed else "no member belongs to a replica set yet"


def _progressing(diagnosis: Diagnosis, unfinished: Trouble | None, step: Step | None) -> tuple[str, bool, str, str]:
    if step is not None:
        return "Progressing", True, type(step).__name__, f"next: {step.message}"
    if unfinished is None or diagnosis.trouble is not None:
        return "Progressing", False, "NothingToDo", "nothing is to be done" if unfinished is None else "waits for you"
    return "Progressing", True, "Waiting", unfinished.message


def _unfinished(desired: Desired, observed: Observed, diagnosis: Diagnosis, step: Step | None) -> Trouble | None:
    """What is first in the way of Ready."""
    if diagnosis.trouble is not None:
        return diagnosis.trouble
    config = diagnosis.config
    if config is None:
        return Trouble("Forming", f"waits until all members answer: {_answers(desired, observed)}")
    if diagnosis.primary is None:
        return Trouble("NoPrimary", f"no member is primary: {_states(desired, observed, diagnosis)}")
    if not observed.user_is_made:
        return Trouble("NoUser", "the user is not made yet")
    if {*config.hosts} != {*desired.hosts}:
        return Trouble("Scaling", f"the set has {len(config.hosts)} members, and is to have {desired.spec.members}")
    if not diagnosis.is_whole:
        return Trouble("MembersAway", _states(desired, observed, diagnosis))
    if observed.workload is None or not observed.workload.settled:
        return Trouble("Changing", "the StatefulSet's controller has not seen the newest change yet")
    leaving = [pod.name for _, pod in sorted(observed.pods.items()) if pod.leaving]
    if leaving:
        return Trouble("PodsLeaving", f"being stopped: {', '.join(leaving)}")
    old = outdated(observed)
    if old:
        names = ", ".join(pod.name for _, pod in sorted(old.items()))
        return Trouble("Rolling", f"still of the former template: {names}")
    if step is not None:
        return Trouble("Changing", step.message)
    return None


def _weakness(desired: Desired, observed: Observed, diagnosis: Diagnosis) -> Trouble | None:
    """What is wrong with members that were in service once; it stops nothing, and may pass by itself."""
    config = diagnosis.config
    known = observed.status.get("replicaSetId") is not None
    if config is None or (diagnosis.primary is None and not diagnosis.has_majority):
        if not known:
            return None
        voting = len(voters(config)) if config else desired.spec.members
        return Trouble(
            "NoMajority",
            f"{len(diagnosis.healthy)} of {voting} members are in service, so nothing is written: "
            f"{_states(desired, observed, diagnosis)}. Bring members back with their volumes; the set goes on by "
            f"itself as soon as a majority is there. It is never forced, for that loses acknowledged writes.",
        )
    served = {*observed.status.get("served", [])}
    away = [host for host in config.hosts if host not in diagnosis.healthy and desired.member(host) in served]
    if not away:
        return None
    wiped = [host for host in away if observed.mongod(host).says is Says.EMPTY or observed.mongod(host).copying]
    if wiped:
        names = ", ".join(desired.member(host) for host in wiped)
        return Trouble("MemberWiped", f"{names} came back without data, and copies them from the others by itself")
    return Trouble("MembersAway", _states(desired, observed, diagnosis))


def _states(desired: Desired, observed: Observed, diagnosis: Diagnosis) -> str:
    """Each member that is not in service, and why."""
    hosts = diagnosis.config.hosts if diagnosis.config else desired.hosts
    away = [
        f"{desired.member(host)} {_state(desired, observed, host)}" for host in hosts if host not in diagnosis.healthy
    ]
    return ", ".join(away) or "waits for an election"


def _answers(desired: Desired, observed: Observed) -> str:
    hosts = [desired.host(ordinal) for ordinal in sorted({*range(desired.spec.members), *observed.volumes})]
    return ", ".join(f"{desired.member(host)} {_state(desired, observed, host)}" for host in hosts)


def _state(desired: Desired, observed: Observed, host: str) -> str:
    found = observed.mongod(host)
    if found.says is Says.CONFIGURED:
        return f"is {found.state}" if found.state != "SECONDARY" else "is not reached by the primary"
    pod = next((pod for number, pod in observed.pods.items() if desired.host(number) == host), None)
    if pod is None:
        return "has no pod"
    if pod.leaving:
        return "is being stopped"
    if not pod.running:
        return f"does not run{f' ({pod.trouble})' if pod.trouble else ''}"
    return f"{found.says.value}{f' ({found.why})' if found.why else ''}"


def _served(desired: Desired, observed: Observed, diagnosis: Diagnosis) -> list[str]:
    """The members that have been in service since they joined: of these an empty one was wiped."""
    before = {*observed.status.get("served", [])}
    if diagnosis.config is None:
        return sorted(before)
    members = {desired.member(host) for host in diagnosis.config.hosts}
    return sorted((before & members) | {desired.member(host) for host in diagnosis.healthy})


def _condition(
    before: Mapping[str, Any] | None,
    name: str,
    holds: bool,
    reason: str,
    message: str,
    generation: int,
    now: datetime,
) -> dict[str, Any]:
    status = "True" if holds else "False"
    since: str = before["lastTransitionTime"] if before and before["status"] == status else _moment(now)
    return {
        "type": name,
        "status": status,
        "reason": reason,
        "message": message,
        "observedGeneration": generation,
        "lastTransitionTime": since,
    }


def _moment(now: datetime) -> str:
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
