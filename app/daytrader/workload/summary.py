"""What a workload's job says of itself in the end: one small JSON object, for whoever started it."""

from pathlib import Path
from typing import Final, Literal

import msgspec

from daytrader.workload.report import Report
from daytrader.workload.verify.findings import Findings

MOST_BYTES: Final = 4096
"""So much of a container's last words is kept by a cluster."""

Verified = Literal["yes", "no", "skipped"]
"""Nothing is wrong; something is, or it could not be looked at; nobody was to look."""

_NAMED: Final = 3
"""So many reasons or violations are put into words."""
_SHORTEST_MESSAGE: Final = 16


class Summary(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The figures of a run, and the verdict."""

    ok: bool
    """Every command that was to be sent is acknowledged, and verification found nothing wrong (or was left out)."""
    commands: int = 0
    """Accepted, refused and failed ones, DUMPLOGs included."""
    tps: float = 0.0
    """Acknowledged commands a second, without DUMPLOGs."""
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    accepted: int = 0
    refused: int = 0
    failed: int = 0
    """Not acknowledged within 30 s of the first sending, or with an unknown outcome when the run was broken off."""
    retried: int = 0
    longest_gap_ms: float = 0.0
    verified: Verified = "skipped"
    message: str = ""
    """What to know of it, in words."""


def of_run(report: Report) -> Summary:
    """Return the summary of a run that was not verified (yet)."""
    return Summary(
        ok=report.exit_status == 0,
        commands=report.accepted + report.refused + report.failed,
        tps=report.commands_per_s,
        p50_ms=report.latency_ms.p50,
        p99_ms=report.latency_ms.p99,
        accepted=report.accepted,
        refused=report.refused,
        failed=report.failed + report.unanswered,
        retried=report.retried,
        longest_gap_ms=report.longest_gap_ms,
        message=_of_sending(report),
    )


def with_findings(summary: Summary, findings: Findings) -> Summary:
    """Add what the verification found."""
    if findings.clean:
        return _changed(summary, "yes", f"{summary.message}; verified: nothing is wrong")
    first = "; ".join(violation.text for violation in findings.named[:_NAMED])
    count = findings.violations.total()
    return _changed(summary, "no", f"verify found {count:,} violations, the first: {first}; {summary.message}")


def unverifiable(summary: Summary, why: str) -> Summary:
    """Say why it could not be looked at, although that was asked for: nobody knows whether it is good."""
    return _changed(summary, "no", f"{summary.message}; not verified: {why}")


def unverified(summary: Summary, why: str) -> Summary:
    """Say why nobody was to look."""
    return _changed(summary, "skipped", f"{summary.message}; not verified: {why}")


def write(summary: Summary, path: Path) -> None:
    """Write it in place, in MOST_BYTES at most; a message that is too long loses its end. Raises OSError."""
    message = summary.message
    text = msgspec.json.encode(summary)
    while len(text) > MOST_BYTES and len(message) > _SHORTEST_MESSAGE:
        message = message[: len(message) * 3 // 4]
        text = msgspec.json.encode(msgspec.structs.replace(summary, message=f"{message} …"))
    path.write_bytes(text)


def _changed(summary: Summary, verified: Verified, message: str) -> Summary:
    ok = summary.ok and verified != "no"
    return msgspec.structs.replace(summary, ok=ok, verified=verified, message=message)


def _of_sending(report: Report) -> str:
    if report.exit_status == 0:
        malformed = f" ({report.malformed:,} malformed lines were not sent)" if report.malformed else ""
        return f"all {report.accepted + report.refused:,} commands acknowledged{malformed}"
    parts = [
        f"{count:,} {what}"
        for count, what in (
            (report.failed, "failed"),
            (report.unanswered, "without a known outcome"),
            (report.not_sent, "not sent"),
        )
        if count
    ]
    reasons = [f"{count:,}: {reason}" for reason, count in list(report.failures.items())[:_NAMED]]
    of_all = f"of {report.commands:,} commands {', '.join(parts) or 'all are acknowledged'}"
    return "; ".join([*_ENDS[report.ended], of_all, *reasons])


_ENDS: Final[dict[str, tuple[str, ...]]] = {
    "complete": (),
    "duration": (),
    "limit": ("stopped at the time limit: give a duration, or fewer commands",),
    "silence": ("stopped, as no command was acknowledged for two minutes: look whether the system is ready",),
    "interrupted": ("stopped from outside",),
}
