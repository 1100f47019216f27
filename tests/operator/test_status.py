"""What the status says."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from daytrader_operator import plan
from daytrader_operator.desired import Desired
from daytrader_operator.diagnosis import diagnose
from daytrader_operator.facts import SILENT, Mongod, Observed, Says
from daytrader_operator.status import changes, condition_holds, status_of
from tests.operator.sets import NOW, OURS, wanted, whole, with_mongod, with_pod


def status(desired: Desired, observed: Observed, later_s: int = 0) -> dict[str, Any]:
    found = diagnose(desired, observed)
    step = plan.step(desired, observed, found)
    return status_of(desired, observed, found, step, NOW + timedelta(seconds=later_s))


def condition(of: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(c for c in of["conditions"] if c["type"] == name)
    return found


def test_a_whole_set_is_ready() -> None:
    """Ready, Initialized, not Degraded, nothing in progress, all for the generation that was seen."""
    desired = wanted()
    said = status(desired, whole(desired))
    assert {c["type"]: c["status"] for c in said["conditions"]} == {
        "Ready": "True",
        "Initialized": "True",
        "Progressing": "False",
        "Degraded": "False",
    }
    assert {c["observedGeneration"] for c in said["conditions"]} == {4}
    assert said["observedGeneration"] == 4
    assert (said["primary"], said["members"], said["version"]) == (desired.pod(0), "3/3", "8.0.4")
    assert said["replicaSetId"] == str(OURS)
    assert said["replicas"] == 3
    assert said["selector"] == f"daytrader.dev/replica-set={desired.name}"


def test_the_first_status_is_not_ready() -> None:
    """Before anything is there Ready is False and says what comes next."""
    said = status(wanted(), Observed(status={}))
    assert condition(said, "Ready")["status"] == "False"
    assert condition(said, "Progressing")["reason"] == "MakeKeyfile"
    assert condition(said, "Initialized")["status"] == "False"
    assert "replicaSetId" not in said


def test_a_member_away_is_said_with_its_reason() -> None:
    """Ready False and Degraded True name the member, and why: the kubelet's word where it has one."""
    desired = wanted()
    observed = with_pod(whole(desired), 1, running=False, trouble="ImagePullBackOff")
    observed = replace(observed, mongods={**observed.mongods, desired.host(1): SILENT})
    said = status(desired, observed)
    assert condition(said, "Degraded")["message"] == f"{desired.pod(1)} does not run (ImagePullBackOff)"
    assert condition(said, "Ready")["reason"] == "MembersAway"
    assert said["members"] == "2/3"


def test_a_member_that_never_served_is_not_missed() -> None:
    """While a set is formed nothing is degraded."""
    desired = wanted()
    observed = with_mongod(whole(desired), desired.host(2), state="STARTUP2", copying=True)
    served = {**observed.status, "served": [desired.pod(0), desired.pod(1)]}
    assert not condition_holds(status(desired, replace(observed, status=served)), "Degraded")
    assert condition(status(desired, observed), "Degraded")["reason"] == "MemberWiped"


def test_an_empty_member_that_served_was_wiped() -> None:
    """It is said so before it has begun to copy."""
    desired = wanted()
    observed = replace(whole(desired), mongods={**whole(desired).mongods, desired.host(2): Mongod(Says.EMPTY)})
    assert condition(status(desired, observed), "Degraded")["reason"] == "MemberWiped"
    assert desired.pod(2) in status(desired, observed)["served"]


def test_moments_stay_while_a_condition_stays() -> None:
    """lastTransitionTime changes with the status alone, so an unchanged status is not written again."""
    desired = wanted()
    before = status(desired, whole(desired))
    again = replace(whole(desired), status=before)
    assert status(desired, again, later_s=60) == before
    broken = replace(again, mongods={**again.mongods, desired.host(1): SILENT})
    after = status(desired, broken, later_s=60)
    assert condition(after, "Ready")["lastTransitionTime"] == "2026-01-01T00:01:00Z"
    assert condition(after, "Initialized")["lastTransitionTime"] == "2026-01-01T00:00:00Z"


def test_events_tell_what_became_other() -> None:
    """Degraded with its reason as a warning, Ready when it comes back; nothing while all stays."""
    desired = wanted()
    good = status(desired, whole(desired))
    bad = status(desired, replace(whole(desired), mongods={**whole(desired).mongods, desired.host(1): SILENT}))
    assert [(change.reason, change.warning) for change in changes(good, bad)] == [("MembersAway", True)]
    assert [(change.reason, change.warning) for change in changes(bad, good)] == [("Ready", False), ("Whole", False)]
    assert list(changes(good, good)) == []


def test_ready_waits_for_pods_that_are_stopped() -> None:
    """A pod that is leaving, or a template that no controller has seen yet: not Ready, although all are in service."""
    desired = wanted()
    observed = whole(desired)
    assert not condition_holds(status(desired, with_pod(observed, 2, leaving=True)), "Ready")
    assert observed.workload is not None
    unseen = replace(observed, workload=replace(observed.workload, settled=False))
    assert not condition_holds(status(desired, unseen), "Ready")
