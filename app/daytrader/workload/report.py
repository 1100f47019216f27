"""The report of a run, and its JSON form, whose keys are this module's field names."""

import math
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from daytrader.workload.request import DUMP_CODES, FORMS
from daytrader.workload.tally import Failure, Tally

Ended = Literal["complete", "duration", "limit", "silence", "interrupted"]
"""All was sent; stopped after the time that was asked for; after the time that was allowed; because no command was
acknowledged any more; by the user."""


class Latency(msgspec.Struct, frozen=True):
    """Exact percentiles (nearest rank) of acknowledged commands, in ms; 0.0 where there was none.

    Closed loop: from sending to the whole answer, sendings again included. Open loop: from when it was due.
    """

    p50: float
    p90: float
    p99: float
    p999: float
    max: float


class CommandCount(msgspec.Struct, frozen=True):
    """The outcomes of one command."""

    accepted: int
    """Answered 200."""
    refused: int
    """Answered 400: the system works, and refuses."""
    failed: int
    """Not acknowledged: no answer in time, or another status."""
    latency_ms: Latency


class DumpReport(msgspec.Struct, frozen=True):
    """One DUMPLOG, run alone."""

    line: int
    status: int
    """0: no answer."""
    bytes: int
    ms: float
    """From sending to the last byte."""
    file: str | None
    reason: str
    """Why it failed; empty where it did not."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in a run. "Commands" are well-formed lines, DUMPLOGs included unless it says otherwise."""

    file: str
    url: str
    ended: Ended
    exit_status: int
    """0: all was sent (or as much as `duration_s` allowed) and acknowledged. 130: interrupted. Else 1."""
    rate: float | None
    """Commands a second that the open loop was to send; null: closed loop."""
    users: int
    connections: int
    processes: int
    retry: bool
    commands: int
    """In the file."""
    malformed: int
    malformed_first: list[str]
    """The first 20 as `file:line: reason: text`. They are not sent."""

    accepted: int
    refused: int
    failed: int
    unanswered: int
    """Under way when the run was broken off."""
    not_sent: int
    server_errors: int
    """Failed commands that were answered 500 (or another status that only a defect gives)."""
    retried: int
    """Commands that were sent more than once."""
    resent: int
    """Sendings again."""
    refusals: dict[str, int]
    """Refused commands by the text of the refusal."""
    failures: dict[str, int]
    """Failed commands by reason."""
    failures_first: list[Failure]
    """The first 20 failed commands."""

    wall_s: float
    """From the first sending to the end of the last DUMPLOG."""
    sending_s: float
    """The same without DUMPLOGs."""
    commands_per_s: float
    """Accepted and refused commands, without DUMPLOGs, in `sending_s`."""
    longest_gap_ms: float
    """The longest time without an acknowledgement, DUMPLOGs apart; 0.0 where none reached 5 ms."""
    latency_ms: Latency
    """Of all commands without DUMPLOGs."""
    by_command: dict[str, CommandCount]
    dumps: list[DumpReport]
    cpu_s: float
    """CPU seconds of the generator, all its processes from their start on, the caller's from the run's."""
    cpu_us_per_command: float
    """CPU microseconds of the generator in `sending_s`, for each accepted, refused or failed command."""


def latency(seconds: Sequence[float]) -> Latency:
    """The percentiles of these latencies (seconds, in any order)."""
    ordered = sorted(seconds)
    if not ordered:
        return Latency(0.0, 0.0, 0.0, 0.0, 0.0)

    def rank(part: float) -> float:
        return round(ordered[max(0, math.ceil(part * len(ordered)) - 1)] * 1000, 3)

    return Latency(rank(0.5), rank(0.9), rank(0.99), rank(0.999), rank(1.0))


def by_command(tally: Tally) -> dict[str, CommandCount]:
    """The outcomes of every command that was sent, in the order of the specification."""
    codes_of: dict[str, list[int]] = {}
    for code, form in enumerate(FORMS):
        codes_of.setdefault(form.name, []).append(code)
    counts = {}
    for name, codes in codes_of.items():
        accepted, refused, failed = (
            sum(of[code] for code in codes) for of in (tally.accepted, tally.refused, tally.failed)
        )
        if accepted or refused or failed:
            latencies = [seconds for code in codes for seconds in tally.latencies[code]]
            counts[name] = CommandCount(accepted, refused, failed, latency(latencies))
    return counts


def overall_latency(tally: Tally) -> Latency:
    """The percentiles over all commands without DUMPLOGs, which run alone and take as long as the log is."""
    together = array("d")
    for code, latencies in enumerate(tally.latencies):
        if code not in DUMP_CODES:
            together.extend(latencies)
    return latency(together)


def write_json(report: Report, path: Path) -> None:
    """Write the report as indented JSON. Raises OSError."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
