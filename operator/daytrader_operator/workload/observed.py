"""How a Workload's Job and its pod stand, read off what the API server says of them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
from lightkube.models.batch_v1 import JobCondition
from lightkube.models.core_v1 import ContainerState
from lightkube.resources.batch_v1 import Job
from lightkube.resources.core_v1 import Pod

_CANNOT_START: Final = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    }
)
"""Reasons for which a container waits that do not pass by themselves."""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How the container ended."""

    exit_code: int
    reason: str
    """As the kubelet says it: Completed, Error, OOMKilled, ..."""
    words: str
    """What it left in its termination log, or the end of its log."""
    at: str
    """RFC 3339."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A Job and its pod."""

    owner: str
    """The uid of the Workload that owns it; "" for none."""
    failed: str = ""
    """Why the Job has failed, in the controller's words; "" where it has not."""
    finished_at: str = ""
    """RFC 3339; "" while it runs."""
    started_at: str = ""
    """When the container began to run, RFC 3339; "" while it waits."""
    waits_for: str = ""
    """Why it cannot start, where something is wrong."""
    ended: Ended | None = None


def rfc3339(time: datetime | None) -> str:
    """Return the time as objects in the cluster tell it, to the second; "" for none."""
    return "" if time is None else time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def standing(job: Job, pods: Sequence[Pod]) -> Standing:
    """Return how they stand; the pods are the Job's."""
    owners = (job.metadata.ownerReferences if job.metadata is not None else None) or []
    conditions = (job.status.conditions if job.status is not None else None) or []
    holding = {condition.type: condition for condition in conditions if condition.status == "True"}
    failed = holding.get("Failed")
    finished = failed or holding.get("Complete")
    pod = max(pods, key=_age, default=None)
    return Standing(
        owner=next((owner.uid for owner in owners if owner.controller), ""),
        failed=_words(failed) if failed is not None else "",
        finished_at=rfc3339(finished.lastTransitionTime) if finished is not None else "",
        started_at=_started(_state(pod)),
        waits_for=_waits_for(pod),
        ended=_ended(pod),
    )


def _age(pod: Pod) -> str:
    return rfc3339(pod.metadata.creationTimestamp if pod.metadata is not None else None)


def _words(condition: JobCondition) -> str:
    return ": ".join(word for word in (condition.reason, condition.message) if word)


def _state(pod: Pod | None) -> ContainerState:
    containers = (pod.status.containerStatuses if pod is not None and pod.status is not None else None) or []
    return (containers[0].state if containers else None) or ContainerState()


def _started(state: ContainerState) -> str:
    if state.running is not None:
        return rfc3339(state.running.startedAt)
    return rfc3339(state.terminated.startedAt) if state.terminated is not None else ""


def _waits_for(pod: Pod | None) -> str:
    state = _state(pod)
    if state.waiting is not None and state.waiting.reason in _CANNOT_START:
        return ": ".join(word for word in (state.waiting.reason, state.waiting.message) if word)
    for condition in (pod.status.conditions if pod is not None and pod.status is not None else None) or []:
        if condition.type == "PodScheduled" and condition.status == "False":
            return ": ".join(word for word in (condition.reason, condition.message) if word)
    return ""


def _ended(pod: Pod | None) -> Ended | None:
    terminated = _state(pod).terminated
    if pod is None or pod.status is None or terminated is None:
        return None
    # Why a pod was evicted stands in the pod, not in the container.
    why = ": ".join(word for word in (pod.status.reason, pod.status.message) if word)
    return Ended(
        exit_code=terminated.exitCode,
        reason=why or terminated.reason or "",
        words=terminated.message or "",
        at=rfc3339(terminated.finishedAt),
    )
