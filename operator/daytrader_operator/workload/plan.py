"""What to do next about a Workload: a pure decision on what it asks for and how things stand."""

from dataclasses import dataclass

from daytrader_operator.workload import status as stand
from daytrader_operator.workload.observed import Standing
from daytrader_operator.workload.resources import job_name
from daytrader_operator.workload.spec import Workload
from daytrader_operator.workload.status import Status


@dataclass(frozen=True)
class CreateJob:
    """Make the Job; what comes of it is seen in the next pass."""


@dataclass(frozen=True)
class Report:
    """Write this status."""

    status: Status


Step = CreateJob | Report


@dataclass(frozen=True, kw_only=True)
class Observed:
    """How things stand."""

    status: Status | None
    """The last one written."""
    standing: Standing | None
    """The Job and its pod; None where there is no Job of its name."""
    file_missing: str = ""
    """What the ConfigMap lacks that the workload names; "" where all is there."""


def plan(workload: Workload, observed: Observed, now: str) -> Step | None:
    """Return the next step, None where all is as it should be. `now` is RFC 3339."""
    before = observed.status
    if before is not None and before.over:
        return None
    if observed.standing is None and not (before is not None and before.job) and not observed.file_missing:
        return CreateJob()
    status = _status(workload, observed, now)
    return None if status == before else Report(status)


def _status(workload: Workload, observed: Observed, now: str) -> Status:
    before, standing = observed.status, observed.standing
    name = job_name(workload.name)

    def make(phase: stand.Phase, message: str, summary: stand.Summary | None = None, *, ours: bool = True) -> Status:
        return stand.make(
            phase,
            message,
            generation=workload.generation,
            now=now,
            before=before,
            job=name if ours else None,
            standing=standing if ours else None,
            summary=summary,
        )

    if standing is None:
        if before is not None and before.job:
            return make(
                "Failed", f"Job {name} was deleted before it had ended: delete the workload, and create it again"
            )
        return make("Pending", observed.file_missing, ours=False)
    if standing.owner != workload.uid:
        return make(
            "Pending",
            f"there is a Job {name} already that is not of this workload: it starts when that is gone",
            ours=False,
        )
    if standing.ended is not None:
        summary = stand.summary_of(standing.ended)
        if summary is None:
            return make("Failed", stand.why_without_summary(standing.ended))
        return make("Succeeded" if summary.ok else "Failed", summary.message, summary)
    if standing.failed:
        return make("Failed", f"the Job failed and left no result ({standing.failed}): see the events of Job {name}")
    if standing.finished_at:
        return make("Failed", f"the Job has ended, but its pod is gone, and its result with it: see Job {name}")
    if standing.started_at:
        return make("Running", f"Job {name} runs; its log shows how far it is")
    if standing.waits_for:
        return make("Pending", f"the Job's pod cannot start: {standing.waits_for}")
    return make("Pending", f"Job {name} starts")
