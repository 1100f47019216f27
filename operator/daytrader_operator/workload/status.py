"""The status of a Workload: its phase, and the figures that its Job left in the end."""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from daytrader_operator.workload.observed import Ended, Standing

Phase = Literal["Pending", "Running", "Succeeded", "Failed"]

_OUT_OF_MEMORY: Final = "OOMKilled"
_KEPT_WORDS: Final = 600
"""Characters of a message that is no summary."""

_FIGURES: Final = (
    *("commands", "tps", "p50_ms", "p99_ms", "accepted", "refused", "failed", "retried", "longest_gap_ms", "verified"),
)


class Summary(msgspec.Struct, frozen=True, rename="camel"):
    """What `daytrader workload job` leaves: one JSON object."""

    ok: bool
    commands: int
    tps: float
    p50_ms: float
    p99_ms: float
    accepted: int
    refused: int
    failed: int
    retried: int
    longest_gap_ms: float
    verified: Literal["yes", "no", "skipped"]
    message: str


class Condition(msgspec.Struct, frozen=True, rename="camel"):
    """Complete or Failed."""

    type: str
    status: Literal["True", "False"]
    observed_generation: int
    last_transition_time: str
    reason: str
    message: str


class Status(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The whole status as it is written; what is not known yet is left out."""

    observed_generation: int
    phase: Phase
    message: str
    conditions: list[Condition]
    job: str | None = None
    started: str | None = None
    finished: str | None = None
    commands: int | None = None
    tps: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    accepted: int | None = None
    refused: int | None = None
    failed: int | None = None
    retried: int | None = None
    longest_gap_ms: float | None = None
    verified: str | None = None

    @property
    def over(self) -> bool:
        """Whether nothing will change any more."""
        return self.phase in {"Succeeded", "Failed"}


def read(told: Mapping[str, object] | None) -> Status | None:
    """Return the status that the resource has; None where it has none, or one that we did not write."""
    try:
        return msgspec.convert(told, Status) if told else None
    except msgspec.ValidationError:
        return None


def as_json(status: Status) -> dict[str, object]:
    """Return the status as the API server takes it."""
    built: dict[str, object] = msgspec.to_builtins(status)
    return built


def make(
    phase: Phase,
    message: str,
    *,
    generation: int,
    now: str,
    before: Status | None,
    job: str | None = None,
    standing: Standing | None = None,
    summary: Summary | None = None,
) -> Status:
    """Put a status together. `now` is RFC 3339; conditions that stay as they are keep the time they have."""
    figures: dict[str, object] = {}
    if summary is not None:
        figures = {name: getattr(summary, name) for name in _FIGURES}
    over = phase in {"Succeeded", "Failed"}
    finished = None
    if over:
        ended = standing.ended.at if standing is not None and standing.ended is not None else ""
        finished = ended or (standing.finished_at if standing is not None else "") or now
    status = Status(
        observed_generation=generation,
        phase=phase,
        message=message,
        conditions=[
            _condition("Complete", "Succeeded", phase, message, generation, now, before),
            _condition("Failed", "Failed", phase, message, generation, now, before),
        ],
        job=job,
        started=(standing.started_at if standing is not None else "") or None,
        finished=finished,
    )
    return msgspec.structs.replace(status, **figures)


def summary_of(ended: Ended) -> Summary | None:
    """Return the summary that the container left; None where its last words are something else."""
    try:
        return msgspec.json.decode(ended.words, type=Summary)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None


def why_without_summary(ended: Ended) -> str:
    """Say what ended a Job that left no summary, and what to do."""
    if _OUT_OF_MEMORY in ended.reason:
        return "the Job ran out of memory: give fewer users or commands, or verify: false"
    words = ended.words.strip()[-_KEPT_WORDS:]
    why = ended.reason or f"exit status {ended.exit_code}"
    return f"the Job ended without a result ({why}); its last words: {words or 'none'}; see its log"


def _condition(
    kind: str, when: Phase, phase: Phase, message: str, generation: int, now: str, before: Status | None
) -> Condition:
    status: Literal["True", "False"] = "True" if phase == when else "False"
    since = now
    for earlier in before.conditions if before is not None else ():
        if earlier.type == kind and earlier.status == status:
            since = earlier.last_transition_time
    return Condition(kind, status, generation, since, phase, message)
