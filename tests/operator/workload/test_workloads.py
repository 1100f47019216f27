"""Workloads from their creation to their end, against a stand-in for the API server."""

from typing import Any

import msgspec
import pytest

from daytrader.workload.summary import Summary
from daytrader_operator.workload.workloads import Workloads
from tests.operator.stand_in import StandIn
from tests.operator.workload.made import AROUND, MADE

START, END = "2026-01-01T00:00:05Z", "2026-01-01T00:01:05Z"


class Namespace:
    """A namespace with workloads, an operator, and what a cluster would do by itself."""

    def __init__(self) -> None:
        self.api = StandIn()
        self.workloads = Workloads(self.api, AROUND)

    def ask(self, name: str = "day", spec: dict[str, Any] | None = None) -> None:
        """A user creates a workload."""
        self.api.put("Workload", name, apiVersion="daytrader.dev/v1alpha1", spec=spec or MADE)

    async def settle(self) -> bool:
        """Go over it until nothing is written any more; return whether something is left to wait for."""
        while True:
            before = list(self.api.writes)
            busy = await self.workloads.go_over()
            if self.api.writes == before:
                return busy

    def pod(self, state: dict[str, Any], name: str = "day") -> None:
        """The kubelet says how the Job's pod stands."""
        container = {"name": "w", "image": "i", "imageID": "", "ready": False, "restartCount": 0, "state": state}
        labels = {"batch.kubernetes.io/job-name": f"workload-{name}"}
        metadata = {"labels": labels}
        self.api.put("Pod", f"workload-{name}-x", metadata=metadata, status={"containerStatuses": [container]})

    def status(self, name: str = "day") -> dict[str, Any]:
        """The status that users see."""
        found: dict[str, Any] = self.api.objects["Workload", name].get("status", {})
        return found


def ended(**summary: Any) -> dict[str, Any]:
    """A container that has ended and left a summary."""
    text = msgspec.json.encode(Summary(**{"ok": True, "message": "m", **summary})).decode()
    return {"terminated": {"exitCode": 0, "reason": "Completed", "message": text, "finishedAt": END}}


async def test_a_workload_goes_from_its_job_to_its_figures() -> None:
    """Pending, Running, Succeeded, each told once by an event; then nobody asks any more."""
    space = Namespace()
    space.ask()
    assert await space.settle()
    assert space.status()["phase"] == "Pending"
    assert ("Job", "workload-day") in space.api.objects
    space.pod({"running": {"startedAt": START}})
    assert await space.settle()
    assert (space.status()["phase"], space.status()["started"]) == ("Running", START)
    space.pod(ended(tps=12.5, verified="yes"))
    assert not await space.settle()
    assert (space.status()["phase"], space.status()["tps"], space.status()["verified"]) == ("Succeeded", 12.5, "yes")
    assert [event[1] for event in space.api.events] == ["Pending", "Running", "Succeeded"]
    assert not await space.workloads.go_over()


async def test_a_failure_is_a_warning() -> None:
    """With the message that says what to do."""
    space = Namespace()
    space.ask()
    await space.settle()
    space.pod(ended(ok=False, message="3 failed"))
    await space.settle()
    assert space.api.events[-1] == ("day", "Failed", "3 failed", True)


async def test_another_operator_goes_on_where_one_died() -> None:
    """Nothing is remembered but what the API server has; the Job is made once."""
    space = Namespace()
    space.ask()
    for state in (None, {"running": {"startedAt": START}}, ended()):
        if state is not None:
            space.pod(state)
        for _ in range(3):
            space.workloads = Workloads(space.api, AROUND)
            await space.workloads.go_over()
    assert space.status()["phase"] == "Succeeded"
    assert space.api.writes.count("create Job workload-day") == 1


async def test_a_config_map_is_waited_for() -> None:
    """And its key: the message names those that are there."""
    space = Namespace()
    space.ask(spec={"configMap": {"name": "files", "key": "day.txt"}, "loop": {"closed": {}}})
    await space.settle()
    assert space.status()["message"] == "there is no ConfigMap files: create it, and the workload starts"
    space.api.put("ConfigMap", "files", data={"night.txt": "x"})
    await space.settle()
    assert space.status()["message"] == "ConfigMap files has no key day.txt: it has ['night.txt']"
    assert ("Job", "workload-day") not in space.api.objects
    space.api.put("ConfigMap", "files", data={"day.txt": "x"})
    await space.settle()
    assert ("Job", "workload-day") in space.api.objects


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
async def test_a_workload_that_is_over_is_never_run_again(phase: str) -> None:
    """Also where its Job is gone, and whichever version wrote the status."""
    space = Namespace()
    space.api.put("Workload", "day", apiVersion="daytrader.dev/v1alpha1", spec=MADE, status={"phase": phase})
    assert not await space.workloads.go_over()
    assert space.api.writes == []


async def test_a_workload_that_is_being_deleted_gets_nothing() -> None:
    """Its Job goes with it, without the operator."""
    space = Namespace()
    metadata = {"deletionTimestamp": END}
    space.api.put("Workload", "day", apiVersion="daytrader.dev/v1alpha1", spec=MADE, metadata=metadata)
    assert not await space.workloads.go_over()
    assert space.api.writes == []


async def test_one_that_cannot_be_understood_does_not_hold_up_the_others() -> None:
    """It is said once, as a warning."""
    space = Namespace()
    space.ask("bad", {"loop": {"closed": {}}, "processes": "two"})
    space.ask("good")
    await space.settle()
    assert space.status("good")["phase"] == "Pending"
    assert [event[:2] for event in space.api.events].count(("bad", "Trouble")) == 1
