"""The command `daytrader verify`."""

import json
from pathlib import Path

from click.testing import CliRunner

from daytrader.cli.verify import verify
from tests.domain.desk import Desk
from tests.workload.made_log import write_records
from tests.workload.tampering import accounts_file, traded


def test_a_clean_log_ends_with_status_0(tmp_path: Path) -> None:
    """What was checked is listed with its counts, on the screen and as JSON."""
    desk = traded()
    log, accounts = write_records(tmp_path / "log.xml", desk), accounts_file(tmp_path, desk)
    found = CliRunner().invoke(
        verify, [str(log), "--accounts", str(accounts), "--json", str(tmp_path / "found.json")], env={"COLUMNS": "200"}
    )
    assert found.exit_code == 0, found.output
    assert "balances compared" in found.output
    assert "Nothing is wrong" in found.output
    report = json.loads((tmp_path / "found.json").read_text())
    assert report["ok"] is True
    assert report["checked"]["balances compared"] == 3
    assert report["violations"] == {}


def test_violations_end_with_status_1(tmp_path: Path) -> None:
    """Each violation is said in words, and counted by its kind."""
    desk, other = traded(), traded()
    other.accepted("ADD", "anna", amount="1.00")
    log, accounts = write_records(tmp_path / "log.xml", desk), accounts_file(tmp_path, other)
    found = CliRunner().invoke(
        verify, [str(log), "--accounts", str(accounts), "--json", str(tmp_path / "found.json")], env={"COLUMNS": "200"}
    )
    assert found.exit_code == 1
    assert "balance: anna has cash" in found.output
    assert "1 violations (1 balance)" in found.output
    report = json.loads((tmp_path / "found.json").read_text())
    assert report["ok"] is False
    assert report["violations"] == {"balance": 1}
    assert report["first"][0]["kind"] == "balance"


def test_a_history_that_is_none_ends_with_its_line(tmp_path: Path) -> None:
    """A file that cannot be used is an error in one sentence, not a traceback."""
    log = write_records(tmp_path / "log.xml", Desk())
    found = CliRunner().invoke(verify, [str(log), "--history", str(log)])
    assert found.exit_code == 1
    assert "log.xml:1: no line of a history" in found.output
    assert "Traceback" not in found.output
