"""What the operator does next about a Workload."""

from typing import Any

import msgspec
import pytest

from daytrader.workload.summary import Summary
from daytrader_operator.workload.observed import Ended, Standing
from daytrader_operator.workload.plan import CreateJob, Observed, Report, plan
from daytrader_operator.workload.status import Status
from tests.operator.workload.made import UID, asked

NOW, LATER = "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"


def reported(before: Status | None, standing: Standing | None, **more: Any) -> Status:
    """The status that is written next."""
    step = plan(asked(), Observed(status=before, standing=standing, **more), NOW)
    assert isinstance(step, Report)
    return step.status


def after(*standings: Standing | None) -> Status:
    """The status when the Job has stood like this, one after the other."""
    status = None
    for standing in standings:
        status = reported(status, standing)
    assert status is not None
    return status


def ours(**how: Any) -> Standing:
    """A Job of this workload."""
    return Standing(owner=UID, **how)


def ended(*, ok: bool = True, words: str | None = None) -> Ended:
    """A container that has ended with a summary, or with these words."""
    summary = Summary(ok=ok, tps=5.0, failed=0 if ok else 3, verified="yes" if ok else "no", message="as it went")
    text = msgspec.json.encode(summary).decode() if words is None else words
    return Ended(exit_code=0 if ok else 1, reason="Completed" if ok else "Error", words=text, at=LATER)


def test_a_new_workload_gets_its_job() -> None:
    """Before anything is written about it: an operator that dies here finds the Job."""
    assert plan(asked(), Observed(status=None, standing=None), NOW) == CreateJob()


def test_a_job_whose_making_was_not_told_is_found() -> None:
    """It is not made twice."""
    status = reported(None, ours())
    assert (status.phase, status.job) == ("Pending", "workload-day")


def test_without_its_config_map_it_waits_and_says_so() -> None:
    """A pod would hang without a word."""
    missing = "there is no ConfigMap c: create it, and the workload starts"
    status = reported(None, None, file_missing=missing)
    assert (status.phase, status.message, status.job) == ("Pending", missing, None)
    assert plan(asked(), Observed(status=status, standing=None), NOW) == CreateJob()


def test_a_running_job_is_running() -> None:
    """From when its container started."""
    status = after(ours(), ours(started_at=NOW))
    assert (status.phase, status.started) == ("Running", NOW)


def test_a_pod_that_cannot_start_is_pending_with_the_reason() -> None:
    """Whoever waits sees what is wrong."""
    status = after(ours(), ours(waits_for="ErrImagePull: no such image"))
    assert (status.phase, status.message) == ("Pending", "the Job's pod cannot start: ErrImagePull: no such image")


def test_the_summary_decides() -> None:
    """Everything acknowledged and nothing wrong is success; anything else has failed, with its figures."""
    good = after(ours(), ours(started_at=NOW, ended=ended()))
    assert (good.phase, good.tps, good.verified, good.message, good.finished) == (
        *("Succeeded", 5.0, "yes", "as it went", LATER),
    )
    bad = after(ours(), ours(started_at=NOW, ended=ended(ok=False)))
    assert (bad.phase, bad.failed, bad.verified) == ("Failed", 3, "no")


def test_a_job_without_a_result_has_failed() -> None:
    """Its figures are not known, and none are made up."""
    status = after(ours(), ours(ended=ended(ok=False, words="Killed")))
    assert (status.phase, status.tps, status.verified) == ("Failed", None, None)
    assert "without a result" in status.message


def test_a_job_that_failed_and_lost_its_pod_says_where_to_look() -> None:
    """As when its node is gone, or its deadline was over."""
    status = after(ours(), ours(failed="DeadlineExceeded: it took too long", finished_at=LATER))
    assert (status.phase, status.finished) == ("Failed", LATER)
    assert "DeadlineExceeded" in status.message
    done = after(ours(), ours(finished_at=LATER))
    assert (done.phase, "its pod is gone" in done.message) == ("Failed", True)


def test_a_job_that_is_deleted_before_its_end_is_not_made_again() -> None:
    """It would send everything a second time."""
    status = after(ours(), ours(started_at=NOW), None)
    assert status.phase == "Failed"
    assert "was deleted before it had ended" in status.message


def test_a_job_of_somebody_else_is_left_alone() -> None:
    """As that of an earlier workload of the same name, which goes by itself; then ours is made."""
    status = reported(None, Standing(owner="another"))
    assert (status.phase, status.job) == ("Pending", None)
    assert plan(asked(), Observed(status=status, standing=None), NOW) == CreateJob()


@pytest.mark.parametrize("standing", [None, ours(), ours(started_at=NOW), Standing(owner="another")])
def test_what_is_over_stays_so(standing: Standing | None) -> None:
    """Whatever becomes of the Job afterwards."""
    over = after(ours(), ours(ended=ended()))
    assert plan(asked(), Observed(status=over, standing=standing), LATER) is None


@pytest.mark.parametrize(
    "standing",
    [ours(), ours(started_at=NOW), ours(waits_for="x"), Standing(owner="another")],
)
def test_what_has_not_changed_is_not_written_again(standing: Standing) -> None:
    """However late it is."""
    status = reported(None, standing)
    assert plan(asked(), Observed(status=status, standing=standing), LATER) is None
