"""The summary that a workload's job leaves."""

import json
from pathlib import Path

import msgspec
import pytest

from daytrader.workload.report import Latency, Report
from daytrader.workload.summary import MOST_BYTES, Summary, of_run, unverifiable, unverified, with_findings, write
from daytrader.workload.verify.findings import Findings


def report(**changed: object) -> Report:
    """A report of a good run, with changes."""
    good = Report(
        file="f",
        url="http://web",
        ended="complete",
        exit_status=0,
        rate=None,
        users=2,
        connections=2,
        processes=1,
        retry=True,
        commands=100,
        malformed=0,
        malformed_first=[],
        accepted=80,
        refused=20,
        failed=0,
        unanswered=0,
        not_sent=0,
        server_errors=0,
        retried=3,
        resent=4,
        refusals={},
        failures={},
        failures_first=[],
        wall_s=2.0,
        sending_s=1.0,
        commands_per_s=99.0,
        longest_gap_ms=12.5,
        latency_ms=Latency(1.0, 2.0, 3.0, 4.0, 5.0),
        by_command={},
        dumps=[],
        cpu_s=0.1,
        cpu_us_per_command=9.0,
    )
    return msgspec.structs.replace(good, **changed)


def test_a_good_run_has_its_figures() -> None:
    """Unless it is verified, nobody says that nothing was lost."""
    summary = of_run(report(malformed=2))
    assert (summary.ok, summary.verified) == (True, "skipped")
    assert (summary.commands, summary.accepted, summary.refused, summary.failed) == (100, 80, 20, 0)
    assert (summary.tps, summary.p50_ms, summary.p99_ms, summary.longest_gap_ms) == (99.0, 1.0, 3.0, 12.5)
    assert summary.message == "all 100 commands acknowledged (2 malformed lines were not sent)"


def test_failed_commands_are_named_with_their_reasons() -> None:
    """The most frequent reasons come first, three at most; what has no known outcome counts as failed."""
    failures = {"answered 503 a": 5, "no answer": 2, "b": 1, "c": 1}
    summary = of_run(report(exit_status=1, accepted=70, failed=9, unanswered=1, failures=failures))
    assert (summary.ok, summary.failed) == (False, 10)
    assert summary.message == (
        "of 100 commands 9 failed, 1 without a known outcome; 5: answered 503 a; 2: no answer; 1: b"
    )


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        ("silence", "look whether the system is ready"),
        ("limit", "give a duration, or fewer commands"),
        ("interrupted", "stopped from outside"),
    ],
)
def test_a_run_that_was_broken_off_says_why(ended: str, words: str) -> None:
    """And what to do."""
    assert words in of_run(report(ended=ended, exit_status=1, not_sent=40)).message


def test_findings_decide_whether_it_was_good() -> None:
    """One violation makes it bad, however many commands were acknowledged."""
    findings = Findings()
    good = with_findings(of_run(report()), findings)
    assert (good.ok, good.verified) == (True, "yes")
    assert good.message == "all 100 commands acknowledged; verified: nothing is wrong"
    for number in range(5):
        findings.violation("history", f"lost {number}")
    bad = with_findings(of_run(report()), findings)
    assert (bad.ok, bad.verified) == (False, "no")
    assert bad.message.startswith("verify found 5 violations, the first: lost 0; lost 1; lost 2; all 100")


def test_a_run_that_nobody_looked_at_says_why() -> None:
    """It is as good as the run was."""
    summary = unverified(of_run(report()), "verification is switched off")
    assert (summary.ok, summary.verified) == (True, "skipped")
    assert summary.message.endswith("; not verified: verification is switched off")


def test_a_run_that_could_not_be_looked_at_is_not_good() -> None:
    """However many commands were acknowledged."""
    summary = unverifiable(of_run(report()), "the log was not answered")
    assert (summary.ok, summary.verified) == (False, "no")
    assert summary.message == "all 100 commands acknowledged; not verified: the log was not answered"


@pytest.mark.parametrize("text", ["x" * 10_000, '"\n' * 5_000, "ä" * 5_000])
def test_it_fits_what_a_cluster_keeps_of_last_words(tmp_path: Path, text: str) -> None:
    """A long message loses its end; the figures and the JSON stay whole."""
    path = tmp_path / "summary"
    write(Summary(ok=False, commands=10**12, message=text), path)
    assert len(path.read_bytes()) <= MOST_BYTES
    told = json.loads(path.read_bytes())
    assert told["commands"] == 10**12
    assert told["message"].endswith(" …")
    assert text.startswith(told["message"][:-2])


def test_its_keys_are_those_of_the_resource(tmp_path: Path) -> None:
    """The operator copies them into the status as they are."""
    write(Summary(ok=True, message="m"), tmp_path / "summary")
    assert list(json.loads((tmp_path / "summary").read_bytes())) == [
        *("ok", "commands", "tps", "p50Ms", "p99Ms", "accepted", "refused", "failed", "retried", "longestGapMs"),
        *("verified", "message"),
    ]
