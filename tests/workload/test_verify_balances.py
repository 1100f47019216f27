"""`verify` compares the log with the accounts: every difference is found, and said in words."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from daytrader.workload.verify.balances import AccountsError
from daytrader.workload.verify.verification import verify_log
from tests.domain.desk import Desk
from tests.workload.made_log import write_records
from tests.workload.tampering import accounts_file, found, traded


def test_an_account_that_the_log_does_not_know_is_found(tmp_path: Path) -> None:
    """A user without a single event has no business having an account, and the other way round."""
    desk, other = traded(), traded()
    desk.accepted("ADD", "dora", amount="1.00")
    findings = verify_log(write_records(tmp_path / "log.xml", other), accounts=accounts_file(tmp_path, desk))[1]
    found(findings, "balance", "dora", "knows nothing")
    findings = verify_log(write_records(tmp_path / "log.xml", desk), accounts=accounts_file(tmp_path, other))[1]
    found(findings, "balance", "dora", "but none in")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s | {"cents": s["cents"] + 1}, "cash"),
        (lambda s: s | {"reserved_cents": 0}, "reserved cash 0.00 instead of 4.00"),
        (lambda s: s | {"investments": s["investments"][1:]}, "shares of A 0 instead of"),
        (lambda s: s | {"triggers": s["triggers"][1:]}, "trigger on B none instead of for 1.00, not armed"),
        (lambda s: s | {"pending_sells": s["pending_sells"][:1]}, "pending sells"),
        (lambda s: s | {"pending_buys": s["pending_sells"]}, "pending buys"),
    ],
)
def test_every_difference_of_an_account_is_found(
    tmp_path: Path, change: Callable[[dict[str, object]], dict[str, object]], words: str
) -> None:
    """Cash, reserves, holdings, triggers and pending orders are compared, each in words."""
    desk = traded()
    path = accounts_file(tmp_path, desk)
    shown = [json.loads(line) for line in path.read_text().splitlines()]
    shown[0]["summary"] = change(shown[0]["summary"])
    path.write_text("\n".join(json.dumps(line) for line in shown))
    findings = verify_log(write_records(tmp_path / "log.xml", desk), accounts=path)[1]
    assert findings.violations == {"balance": 1}
    found(findings, "balance", "anna has", words)


def test_orders_that_expired_meanwhile_are_no_difference(tmp_path: Path) -> None:
    """Balances are asked for after the log ended: older orders may be gone from them."""
    desk = Desk()
    desk.play("ADD 100.00; BUY A 5.00; wait 30000; BUY A 10.00")
    log = write_records(tmp_path / "log.xml", desk)
    for wait in (0, 30_000, 30_000):
        desk.now += wait
        assert verify_log(log, accounts=accounts_file(tmp_path, desk))[1].clean


def test_a_broken_accounts_file_is_named_with_its_line(tmp_path: Path) -> None:
    """A line that is no account stops the verification, with file and line number."""
    desk = traded()
    path = accounts_file(tmp_path, desk)
    path.write_text(path.read_text() + "{}\n")
    with pytest.raises(AccountsError, match=r"accounts\.jsonl:4: no account"):
        verify_log(write_records(tmp_path / "log.xml", desk), accounts=path)
