"""How a Job and its pod stand, read off the API server's objects."""

from typing import Any

import msgspec
import pytest
from lightkube.resources.batch_v1 import Job
from lightkube.resources.core_v1 import Pod

from daytrader_operator.workload.observed import Ended, Standing, standing

START, END = "2026-01-01T00:00:05Z", "2026-01-01T00:01:05Z"


def a_job(*conditions: dict[str, str], owner: str = "u") -> Job:
    """A Job with these conditions."""
    reference = {"apiVersion": "a/v1", "kind": "Workload", "name": "day", "uid": owner, "controller": True}
    told = {"metadata": {"ownerReferences": [reference]}, "status": {"conditions": list(conditions)}}
    return msgspec.convert(told, Job)


def a_pod(state: dict[str, Any] | None = None, created: str = START, **status: Any) -> Pod:
    """A pod whose container is in this state."""
    container = {"name": "w", "image": "i", "imageID": "", "ready": False, "restartCount": 0, "state": state}
    told = {"containerStatuses": [container] if state is not None else [], **status}
    return msgspec.convert({"metadata": {"creationTimestamp": created}, "status": told}, Pod)


def test_a_new_job_has_only_an_owner() -> None:
    """Its pod is not there yet."""
    assert standing(a_job(), []) == Standing(owner="u")


def test_a_job_that_nobody_made_for_a_workload_has_no_owner() -> None:
    """It was made by hand."""
    assert standing(Job(), []) == Standing(owner="")


def test_a_running_container_has_started() -> None:
    """At the time that the kubelet says."""
    assert standing(a_job(), [a_pod({"running": {"startedAt": START}})]).started_at == START


@pytest.mark.parametrize(
    "reason", ["ImagePullBackOff", "ErrImagePull", "CreateContainerConfigError", "InvalidImageName"]
)
def test_a_container_that_cannot_start_says_why(reason: str) -> None:
    """In the kubelet's words."""
    pod = a_pod({"waiting": {"reason": reason, "message": "no such thing"}})
    assert standing(a_job(), [pod]).waits_for == f"{reason}: no such thing"


@pytest.mark.parametrize("reason", ["ContainerCreating", "PodInitializing"])
def test_a_container_that_is_being_made_waits_for_nothing(reason: str) -> None:
    """It passes by itself."""
    assert standing(a_job(), [a_pod({"waiting": {"reason": reason}})]).waits_for == ""


def test_a_pod_without_a_node_says_what_it_lacks() -> None:
    """In the scheduler's words."""
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}
    assert standing(a_job(), [a_pod(conditions=[condition])]).waits_for == "Unschedulable: 0/1 nodes"


def test_a_container_that_has_ended_leaves_its_last_words() -> None:
    """With its exit status and its times."""
    state = {"terminated": {"exitCode": 1, "reason": "Error", "message": "w", "startedAt": START, "finishedAt": END}}
    found = standing(a_job(), [a_pod(state)])
    assert found.started_at == START
    assert found.ended == Ended(exit_code=1, reason="Error", words="w", at=END)


def test_why_a_pod_was_evicted_is_told_by_the_pod() -> None:
    """The container only knows that it was killed."""
    pod = a_pod({"terminated": {"exitCode": 137, "reason": "Error"}}, reason="Evicted", message="disk full")
    assert standing(a_job(), [pod]).ended == Ended(exit_code=137, reason="Evicted: disk full", words="", at="")


def test_of_several_pods_the_newest_counts() -> None:
    """A Job replaces a pod that was lost before it began."""
    old = a_pod({"terminated": {"exitCode": 137}}, created="2026-01-01T00:00:01Z")
    new = a_pod({"running": {"startedAt": START}}, created="2026-01-01T00:00:02Z")
    for pods in ([old, new], [new, old]):
        assert standing(a_job(), pods).ended is None


@pytest.mark.parametrize(
    ("kind", "failed"), [("Failed", "DeadlineExceeded: it took too long"), ("Complete", ""), ("Suspended", "")]
)
def test_the_controller_says_when_a_job_is_over(kind: str, failed: str) -> None:
    """By its conditions Failed and Complete, where they hold."""
    condition = {"type": kind, "status": "True", "reason": "DeadlineExceeded", "message": "it took too long"}
    condition["lastTransitionTime"] = END
    found = standing(a_job(condition), [])
    assert found.failed == failed
    assert found.finished_at == (END if kind != "Suspended" else "")
    assert standing(a_job(condition | {"status": "False"}), []) == Standing(owner="u")
