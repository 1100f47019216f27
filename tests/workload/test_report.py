"""The figures of a report, and its JSON."""

import io
import json
from pathlib import Path

import msgspec
from rich.console import Console

from daytrader.workload import screen
from daytrader.workload.report import DumpReport, Latency, Report, by_command, latency, overall_latency, write_json
from daytrader.workload.request import CODES
from daytrader.workload.tally import Failure, Tally


def tally() -> Tally:
    """A thousand ADDs of 1 to 1000 ms, a refused COMMIT_BUY, a failed QUOTE and a DUMPLOG of each kind."""
    counted = Tally()
    add, commit = CODES[b"ADD", 2], CODES[b"COMMIT_BUY", 1]
    counted.accepted[add] = 1_000
    counted.latencies[add].extend(ms / 1000 for ms in range(1_000, 0, -1))
    counted.refuse(commit, b"The specified stack is empty")
    counted.latencies[commit].append(2.0)
    counted.fail(CODES[b"QUOTE", 2], 7, "answered 500 oops", server_error=True)
    for arguments in (1, 2):
        code = CODES[b"DUMPLOG", arguments]
        counted.accepted[code] += 1
        counted.latencies[code].append(60.0)
    return counted


def report() -> Report:
    """A report of that tally."""
    counted = tally()
    return Report(
        file="day.txt",
        url="http://127.0.0.1:1",
        ended="complete",
        exit_status=1,
        rate=None,
        users=10,
        connections=10,
        processes=1,
        retry=True,
        commands=1_004,
        malformed=1,
        malformed_first=["day.txt:3: there is no command [STEAL]: '[3] [STEAL]'"],
        accepted=1_002,
        refused=1,
        failed=1,
        unanswered=0,
        not_sent=0,
        server_errors=1,
        retried=2,
        resent=3,
        refusals=counted.refusals,
        failures=counted.failures,
        failures_first=[Failure(7, "QUOTE", "answered 500 oops")],
        wall_s=10.0,
        sending_s=5.0,
        commands_per_s=200.2,
        longest_gap_ms=12.0,
        latency_ms=overall_latency(counted),
        by_command=by_command(counted),
        dumps=[DumpReport(1_004, 200, 12_345, 60_000.0, "log.xml", "")],
        cpu_s=0.1,
        cpu_us_per_command=20.0,
    )


def test_percentiles_are_exact() -> None:
    """Nearest rank over all latencies, in ms."""
    assert latency(tally().latencies[CODES[b"ADD", 2]]) == Latency(500.0, 900.0, 990.0, 999.0, 1000.0)
    assert latency([0.0015]) == Latency(1.5, 1.5, 1.5, 1.5, 1.5)
    assert latency([]) == Latency(0.0, 0.0, 0.0, 0.0, 0.0)


def test_dumplogs_are_not_in_the_overall_latency() -> None:
    """They run alone and take as long as the log is, so only their own row has them."""
    assert overall_latency(tally()).max == 2000.0
    dumplog = by_command(tally())["DUMPLOG"]
    assert (dumplog.accepted, dumplog.latency_ms.max) == (2, 60_000.0)


def test_only_commands_that_were_sent_are_listed() -> None:
    """Outcomes stand by command, in the order of the specification."""
    counts = by_command(tally())
    assert list(counts) == ["ADD", "QUOTE", "COMMIT_BUY", "DUMPLOG"]
    assert [(count.accepted, count.refused, count.failed) for count in counts.values()] == [
        (1_000, 0, 0), (0, 0, 1), (0, 1, 0), (2, 0, 0),
    ]  # fmt: skip


def test_json_has_the_reports_fields_as_keys(tmp_path: Path) -> None:
    """What is read back is the report."""
    write_json(report(), tmp_path / "report.json")
    text = (tmp_path / "report.json").read_text()
    assert list(json.loads(text)) == list(Report.__struct_fields__)
    assert msgspec.json.decode(text, type=Report) == report()


def test_the_screen_shows_what_counts() -> None:
    """Commands by outcome, percentiles, refusals, failures and malformed lines by name, and a verdict."""
    file = io.StringIO()
    screen.show(report(), Console(width=100, file=file))
    text = " ".join(file.getvalue().split())
    for shown in (
        "ADD 1,000 0 0 500.0 900.0 990.0 999.0 1,000",
        "200 commands/s over 5.00 s",
        "1 The specified stack is empty",
        "day.txt:3: there is no command [STEAL]: '[3] [STEAL]'",
        "day.txt:7: QUOTE: answered 500 oops",
        "12,345 bytes in 60.00 s → log.xml",
        "Of 1,004 commands: 1 failed, 1 of them by server errors.",
    ):
        assert shown in text
