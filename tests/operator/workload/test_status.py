"""The status of a Workload."""

import json

import msgspec
import pytest

from daytrader.workload import summary as jobs
from daytrader_operator.workload.observed import Ended, Standing
from daytrader_operator.workload.status import (
    Phase,
    as_json,
    make,
    read,
    summary_of,
    why_without_summary,
)

NOW, LATER = "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"
ENDED = Ended(exit_code=0, reason="Completed", words="", at="2026-01-01T00:30:00Z")


def words(**changed: object) -> str:
    """What a job writes."""
    good = jobs.Summary(
        ok=True, commands=9, tps=3.5, p50_ms=1.0, p99_ms=2.0, accepted=8, refused=1, verified="yes", message="m"
    )
    return msgspec.json.encode(msgspec.structs.replace(good, **changed)).decode()


def test_the_summary_of_a_job_becomes_the_figures() -> None:
    """The job's own program writes it, and every figure is a field of the status."""
    summary = summary_of(Ended(exit_code=0, reason="", words=words(), at=""))
    assert summary is not None
    status = make("Succeeded", "m", generation=2, now=NOW, before=None, job="j", summary=summary)
    told = as_json(status)
    assert {name: told[name] for name in ("commands", "tps", "p50Ms", "p99Ms", "accepted", "refused")} == {
        **{"commands": 9, "tps": 3.5, "p50Ms": 1.0, "p99Ms": 2.0, "accepted": 8, "refused": 1}
    }
    assert {name: told[name] for name in ("failed", "retried", "longestGapMs", "verified", "job")} == {
        **{"failed": 0, "retried": 0, "longestGapMs": 0.0, "verified": "yes", "job": "j"}
    }
    assert (told["observedGeneration"], told["phase"], told["message"]) == (2, "Succeeded", "m")


@pytest.mark.parametrize("text", ["", "Traceback ...", "{}", '{"ok": true}', words()[:-5], words(tps="fast")])
def test_other_last_words_are_no_summary(text: str) -> None:
    """As of a program that broke, or was killed while it wrote."""
    assert summary_of(Ended(exit_code=1, reason="", words=text, at="")) is None


def test_a_job_that_ran_out_of_memory_says_what_to_change() -> None:
    """It cannot say so itself."""
    why = why_without_summary(Ended(exit_code=137, reason="OOMKilled", words="", at=""))
    assert "give fewer users or commands" in why


def test_a_job_without_a_result_is_told_by_its_last_words() -> None:
    """The end of them, where they are long."""
    why = why_without_summary(Ended(exit_code=2, reason="Error", words="x" * 5000 + "no such option", at=""))
    assert why.startswith("the Job ended without a result (Error); its last words: xxx")
    assert "no such option" in why
    assert len(why) < 800
    assert "exit status 3" in why_without_summary(Ended(exit_code=3, reason="", words="", at=""))


@pytest.mark.parametrize(
    ("phase", "complete", "failed"),
    [
        ("Pending", "False", "False"),
        ("Running", "False", "False"),
        ("Succeeded", "True", "False"),
        ("Failed", "False", "True"),
    ],
)
def test_conditions_are_what_kubectl_waits_for(phase: Phase, complete: str, failed: str) -> None:
    """`kubectl wait --for=condition=Complete` and `=Failed`."""
    status = make(phase, "m", generation=1, now=NOW, before=None)
    assert {one.type: one.status for one in status.conditions} == {"Complete": complete, "Failed": failed}
    assert {one.last_transition_time for one in status.conditions} == {NOW}


def test_a_condition_keeps_its_time_until_it_changes() -> None:
    """Its reason and message may change meanwhile."""
    before = make("Pending", "m", generation=1, now=NOW, before=None)
    after = make("Failed", "n", generation=1, now=LATER, before=before)
    assert [(one.type, one.last_transition_time) for one in after.conditions] == [("Complete", NOW), ("Failed", LATER)]


def test_it_tells_when_the_job_started_and_ended() -> None:
    """As the kubelet says; where that is not known, as the Job's controller says, or now."""
    running = Standing(owner="u", started_at=NOW)
    assert make("Running", "m", generation=1, now=LATER, before=None, standing=running).started == NOW
    assert make("Running", "m", generation=1, now=LATER, before=None, standing=running).finished is None
    ended = Standing(owner="u", started_at=NOW, finished_at=LATER, ended=ENDED)
    assert make("Failed", "m", generation=1, now=LATER, before=None, standing=ended).finished == ENDED.at
    lost = Standing(owner="u", finished_at=NOW)
    assert make("Failed", "m", generation=1, now=LATER, before=None, standing=lost).finished == NOW
    assert make("Failed", "m", generation=1, now=LATER, before=None).finished == LATER


def test_a_status_is_read_as_it_was_written() -> None:
    """Through the API server and back nothing changes, so nothing is written twice."""
    status = make("Failed", "m", generation=1, now=NOW, before=None, job="j", standing=Standing(owner="u"))
    assert read(json.loads(json.dumps(as_json(status)))) == status


@pytest.mark.parametrize("told", [None, {}, {"phase": "Strange"}])
def test_no_status_and_one_of_others_is_none(told: dict[str, object] | None) -> None:
    """It is written anew."""
    assert read(told) is None
