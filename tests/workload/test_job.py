"""What becomes of a job whose log cannot be read."""

from pathlib import Path

import pytest

from daytrader.bearer import Bearer
from daytrader.workload import job
from daytrader.workload.job import Job, Made
from daytrader.workload.options import Options
from daytrader.workload.report import Report
from daytrader.workload.summary import Summary
from daytrader.workload.verify.asking import AskingError
from daytrader.workload.verify.before import LogTooLargeError
from daytrader.workload.verify.findings import Findings
from daytrader.workload.verify.numbers import NumberSet
from tests.workload.test_summary import report


class Standing(Job):
    """A job whose run is good; it sends nothing."""

    answered = True
    """Whether the log is there after the run."""
    readable = True
    """Whether the system answers all that is asked while it is verified."""

    def _send(self, file: Path, *, verify: bool) -> Report:
        assert file.exists()
        if verify and self.answered:
            self._log.write_text("<log></log>")
        return report()

    def _check(self, before: NumberSet) -> Findings:
        assert isinstance(before, NumberSet)
        if not self.readable:
            raise AskingError("DISPLAY_SUMMARY of alice: answered 500")
        return Findings()


@pytest.fixture
def kept() -> list[Summary]:
    """What would be left if the job were killed."""
    return []


@pytest.fixture
def standing(tmp_path: Path, kept: list[Summary]) -> Standing:
    """The job, which is to be verified."""
    return Standing(
        source=Made(2, 10, 1),
        url="http://web",
        options=Options(),
        directory=tmp_path,
        verify=True,
        keep=kept.append,
        show=lambda *_: None,
    )


def before(monkeypatch: pytest.MonkeyPatch, error: Exception | None = None) -> None:
    """Let the log before the run be read, or not."""

    async def numbers(url: str, ca: Path | None, bearer: Bearer) -> NumberSet:
        if error is not None:
            raise error
        return NumberSet()

    monkeypatch.setattr(job, "numbers_before", numbers)


def test_a_log_that_cannot_be_read_before_the_run_makes_it_fail(
    standing: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was to be verified, and nobody knows whether it is good."""
    before(monkeypatch, AskingError("http://web: DUMPLOG: answered 500"))
    found = standing.run()
    assert (found.ok, found.verified) == (False, "no")
    assert "not verified: the log could not be read before the run (http://web: DUMPLOG" in found.message


def test_a_log_that_is_too_long_is_skipped_with_the_reason(standing: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run is as good as it went."""
    before(monkeypatch, LogTooLargeError("the log has more than 512 MiB already"))
    found = standing.run()
    assert (found.ok, found.verified) == (True, "skipped")
    assert "not verified: the log has more than 512 MiB already" in found.message


def test_a_log_that_is_not_answered_after_the_run_makes_it_fail(
    standing: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All commands were acknowledged; whether they are in the log is not known."""
    before(monkeypatch)
    standing.answered = False
    found = standing.run()
    assert (found.ok, found.verified) == (False, "no")
    assert "not verified: the log was not answered" in found.message


def test_a_system_that_does_not_answer_while_it_is_verified_makes_it_fail(
    standing: Standing, monkeypatch: pytest.MonkeyPatch, kept: list[Summary]
) -> None:
    """As does being killed meanwhile."""
    before(monkeypatch)
    standing.readable = False
    found = standing.run()
    assert (found.ok, found.verified) == (False, "no")
    assert "not verified: DISPLAY_SUMMARY of alice" in found.message
    assert [(each.ok, each.verified) for each in kept] == [(False, "no")]


def test_a_job_that_can_be_verified_is(standing: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept until then does not stay."""
    before(monkeypatch)
    found = standing.run()
    assert (found.ok, found.verified) == (True, "yes")
