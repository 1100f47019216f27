"""`verify` on made logs: a clean one passes, and every way of tampering with it is found."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from daytrader.workload.verify.findings import NAMED
from daytrader.workload.verify.verification import verify_log
from tests.domain.desk import Desk
from tests.workload.made_log import log_lines, write_log, write_records
from tests.workload.tampering import SCRIPT, accounts_file, field, found, number_of, replaced, traded, verified, without


def test_a_clean_log_passes(tmp_path: Path) -> None:
    """A log that follows the rules has no violation, and all that it holds is counted."""
    findings = verified(tmp_path)
    assert findings.named == []
    assert findings.clean
    assert findings.checked["users"] == 3
    assert findings.checked["balances compared"] == 3
    assert findings.checked["accounts worth what was added"] == 3
    assert findings.checked["fired triggers"] == 8
    assert findings.checked["commands"] == 3 * SCRIPT.count(";") - 3 * 6 + 8


def test_a_log_with_changing_prices_passes(tmp_path: Path) -> None:
    """Where prices change the replay still holds, and the report says that conservation was not checked."""
    desk = Desk()
    desk.play("ADD 100.00; BUY A 50.00; COMMIT_BUY; price 7.00; SELL A 14.00; COMMIT_SELL; SET_BUY_AMOUNT A 20.00")
    desk.play("SET_BUY_TRIGGER A 6.00; price 5.50; triggers; QUOTE A")
    findings = verify_log(write_records(tmp_path / "log.xml", desk), accounts=accounts_file(tmp_path, desk))[1]
    assert findings.clean, findings.named
    assert "accounts worth what was added" not in findings.checked
    assert findings.remarks


def test_an_empty_log_passes(tmp_path: Path) -> None:
    """A log without events is a log."""
    assert verify_log(write_log(tmp_path / "log.xml", []))[1].clean


def test_a_lost_command_is_found(tmp_path: Path) -> None:
    """Without the BUY the COMMIT_BUY after it should have been refused."""
    found(verified(tmp_path, without("<userCommand> BUY anna 50.00")), "rule", "COMMIT_BUY anna", "is empty")


def test_a_lost_command_that_nothing_depends_on_is_found_by_the_balance(tmp_path: Path) -> None:
    """A missing ADD contradicts nothing in the log, but the account."""
    desk = traded()
    desk.accepted("ADD", "bert", amount="1.00")
    log = write_log(tmp_path / "log.xml", without("<userCommand> ADD bert <funds>1.00")(log_lines(desk.records)))
    findings = verify_log(log, accounts=accounts_file(tmp_path, desk))[1]
    found(findings, "balance", "bert has cash", "instead of")
    assert findings.violations.total() == 1


def test_a_doubled_command_is_found_by_its_number(tmp_path: Path) -> None:
    """The same events twice carry the same number twice."""

    def change(lines: list[str]) -> list[str]:
        number = f"<transactionNum>{number_of(lines, '<userCommand> CANCEL_SET_BUY bert')}<"
        events = [line for line in lines if number in line]
        after = lines.index(events[-1]) + 1
        other = next(n for n, line in enumerate(lines) if n >= after and number not in line and "DISPLAY" in line)
        return (
            lines[:other] + [re.sub(r"<timestamp>\d+", field_of(lines[other]), line) for line in events] + lines[other:]
        )

    def field_of(line: str) -> str:
        return f"<timestamp>{field(line, 'timestamp')}"

    found(verified(tmp_path, change), "number", "two commands")


def test_a_doubled_command_under_a_new_number_is_found(tmp_path: Path) -> None:
    """A COMMIT_BUY that took effect twice leads where the rules do not."""
    desk = traded()
    twice = next(r for r in desk.records if r.command and r.command.name == "COMMIT_BUY" and not r.refusal)
    desk.records.append(msgspec.structs.replace(twice, time=desk.now))
    log = write_records(tmp_path / "log.xml", desk)
    found(verify_log(log)[1], "rule", "COMMIT_BUY anna", "accepted, but should have been refused")


def test_changed_funds_are_found(tmp_path: Path) -> None:
    """An ADD whose amount does not fit its accountTransaction is named."""
    findings = verified(tmp_path, replaced("<userCommand> ADD anna", "100.00", "900.00"))
    found(findings, "cash", "ADD anna 900.00", "90000", "10000")


def test_a_changed_movement_of_cash_is_found(tmp_path: Path) -> None:
    """An accountTransaction of another amount is named."""
    findings = verified(tmp_path, replaced("<accountTransaction> remove anna 50.00", "50.00", "50.01"))
    found(findings, "cash", "COMMIT_BUY anna", "by -5000 cents", "by -5001")


def test_a_changed_direction_of_cash_is_found(tmp_path: Path) -> None:
    """Cash that comes where it should go is named."""
    findings = verified(tmp_path, replaced("<accountTransaction> remove anna 50.00", "remove", "add"))
    found(findings, "cash", "COMMIT_BUY anna")


def test_a_movement_of_another_users_cash_is_found(tmp_path: Path) -> None:
    """An accountTransaction of somebody else under one's own command is named."""
    findings = verified(tmp_path, replaced("<accountTransaction> remove anna 50.00", "anna", "bert"))
    found(findings, "cash", "moves cash of bert")


def test_a_negative_balance_is_found(tmp_path: Path) -> None:
    """Free cash below zero is named as such."""
    findings = verified(tmp_path, replaced("<accountTransaction> remove anna 50.00", "50.00", "150.00"))
    found(findings, "cash", "free cash becomes -5000 cents")


def test_a_lost_movement_of_cash_is_found(tmp_path: Path) -> None:
    """A command that moves cash without an accountTransaction is named."""

    def change(lines: list[str]) -> list[str]:
        at = next(n for n, line in enumerate(lines) if line.startswith("<accountTransaction>") and "remove" in line)
        return lines[:at] + lines[at + 1 :]

    found(verified(tmp_path, change), "cash", "COMMIT_BUY", "by the accountTransaction by 0")


def test_a_movement_without_a_reason_is_found(tmp_path: Path) -> None:
    """Cash that moves under a number of its own, with no command and no trigger, is named."""

    def change(lines: list[str]) -> list[str]:
        extra = next(line for line in lines if line.startswith("<accountTransaction>"))
        extra = re.sub(r"<transactionNum>\d+", "<transactionNum>99999", extra)
        return [*lines, re.sub(r"<timestamp>\d+", f"<timestamp>{field(lines[-1], 'timestamp')}", extra)]

    found(verified(tmp_path, change), "record", "99999", "no command and no trigger")


def test_time_going_back_is_found(tmp_path: Path) -> None:
    """An event that is older than the one before it is named."""
    lines = log_lines(traded().records)
    later = field(lines[-1], "timestamp")
    findings = verified(tmp_path, replaced("<userCommand> BUY anna 50.00", field(lines[0], "timestamp"), later))
    found(findings, "order", "time goes back", later)


def test_wrong_order_within_a_user_is_found(tmp_path: Path) -> None:
    """Two commands of a user that changed places have numbers that do not grow, and do not follow the rules."""

    def change(lines: list[str]) -> list[str]:
        number = f"<transactionNum>{number_of(lines, '<userCommand> >BUY< anna 50.00')}<"
        early = [line for line in lines if number in line]
        rest = [line for line in lines if number not in line]
        after = next(n for n, line in enumerate(rest) if ">CANCEL_BUY<" in line)
        return rest[:after] + early + rest[after:]

    findings = verified(tmp_path, change)
    found(findings, "rule", "COMMIT_BUY anna")
    assert any(v.kind == "order" and "not above" in v.text for v in findings.named)


def test_a_wrong_refusal_text_is_found(tmp_path: Path) -> None:
    """A refusal with another text than the rules give is named, with both."""
    findings = verified(tmp_path, replaced("<errorEvent> Insufficient funds anna", "Insufficient funds", "No money"))
    found(findings, "rule", "'No money'", "'Insufficient funds'")


def test_a_lost_refusal_is_found(tmp_path: Path) -> None:
    """A command that should have been refused and has no errorEvent is named."""

    def change(lines: list[str]) -> list[str]:
        return [line for line in lines if not ("<errorEvent>" in line and "Insufficient funds" in line)]

    found(verified(tmp_path, change), "rule", "BUY anna", "should have been refused", "Insufficient funds")


def test_a_wrong_refusal_is_found(tmp_path: Path) -> None:
    """A command that should have been accepted and was refused is named."""

    def change(lines: list[str]) -> list[str]:
        at = next(n for n, line in enumerate(lines) if line.startswith("<userCommand>") and ">CANCEL_BUY<" in line)
        error = lines[at].replace("userCommand>", "errorEvent>")
        error = error.replace("</errorEvent>", "<errorMessage>The specified stack is empty</errorMessage></errorEvent>")
        return [*lines[: at + 1], error, *lines[at + 1 :]]

    found(verified(tmp_path, change), "rule", "CANCEL_BUY", "should have been accepted")


def test_a_lost_trigger_firing_is_found(tmp_path: Path) -> None:
    """Without the firing the trigger is still there, and what follows is decided otherwise."""
    findings = verified(tmp_path, without("<systemEvent> SET_BUY_TRIGGER anna"))
    found(findings, "rule", "SET_BUY_AMOUNT anna B 1.00", "should have been refused")


def test_a_firing_that_nothing_follows_is_missed_in_the_balance(tmp_path: Path) -> None:
    """A lost firing at the end of the log is found by the account: shares, cash and the trigger differ."""
    desk = Desk()
    desk.play("ADD 100.00; SET_BUY_AMOUNT A 20.01; SET_BUY_TRIGGER A 5.00; triggers")
    lines = without("<systemEvent>")(log_lines(desk.records))
    findings = verify_log(write_log(tmp_path / "log.xml", lines), accounts=accounts_file(tmp_path, desk))[1]
    assert [violation.text for violation in findings.named] == [
        "u has cash 80.00 instead of 79.99",
        "u has reserved cash 0.00 instead of 20.01",
        "u has shares of A 4 instead of 0",
        "u has buy trigger on A none instead of for 20.01 at 5.00",
    ]


def test_a_doubled_firing_is_found(tmp_path: Path) -> None:
    """A trigger that fires a second time was not there any more."""
    desk = Desk()
    desk.play("ADD 100.00; SET_BUY_AMOUNT A 20.00; SET_BUY_TRIGGER A 5.00; triggers")
    desk.records.append(desk.records[-1])
    found(verify_log(write_records(tmp_path / "log.xml", desk))[1], "rule", "firing", "no such trigger of A fires")


def test_a_firing_before_its_price_is_found(tmp_path: Path) -> None:
    """A buy trigger that fires above its price is named."""
    findings = verified(tmp_path, replaced("<debugEvent> SET_BUY_TRIGGER anna quote 5.00", "quote 5.00", "quote 5.01"))
    found(findings, "rule", "no such trigger of B fires at 5.01")


def test_changed_funds_of_a_firing_are_found(tmp_path: Path) -> None:
    """What a trigger paid must be its shares at the quote."""

    def change(lines: list[str]) -> list[str]:
        number = f"<transactionNum>{number_of(lines, '<systemEvent> SET_BUY_TRIGGER anna')}<"
        return [line.replace("20.00", "20.01") if number in line else line for line in lines]

    found(verified(tmp_path, change), "rule", "moves 20.00", "says 20.01")


def test_a_lost_quote_is_found(tmp_path: Path) -> None:
    """An order without the quote that it was decided with is named."""

    def change(lines: list[str]) -> list[str]:
        at = next(n for n, line in enumerate(lines) if "<debugEvent>" in line and "quote 5.00" in line)
        return lines[:at] + lines[at + 1 :]

    found(verified(tmp_path, change), "record", "BUY anna A 50.00", "no quote is logged")


def test_a_changed_quote_is_found(tmp_path: Path) -> None:
    """An order at another price than the logged one leads elsewhere."""
    findings = verified(tmp_path, replaced("<debugEvent> BUY anna A 50.00", "quote 5.00", "quote 4.00"))
    found(findings, "cash", "COMMIT_BUY anna", "by -4800", "by -5000")


def test_a_quote_that_is_not_needed_is_found(tmp_path: Path) -> None:
    """A command that is decided without a quote must not carry one."""

    def change(lines: list[str]) -> list[str]:
        at = next(n for n, line in enumerate(lines) if "<userCommand>" in line and ">COMMIT_BUY<" in line)
        debug = lines[at].replace("userCommand>", "debugEvent>")
        debug = debug.replace("</debugEvent>", "<debugMessage>quote 5.00 1</debugMessage></debugEvent>")
        return [*lines[: at + 1], debug, *lines[at + 1 :]]

    found(verified(tmp_path, change), "record", "COMMIT_BUY anna", "needs none")


def test_a_valid_amount_that_was_refused_is_found(tmp_path: Path) -> None:
    """A field that is said to have failed its check must fail it."""
    findings = verified(tmp_path, replaced("<debugEvent> amount: -1.00", "amount: -1.00", "amount: 1.00"))
    found(findings, "record", "'1.00', which is an amount")


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [("<errorEvent> BUY anna Insufficient", ">anna<", ">bert<"), ("<debugEvent> BUY anna 50.00", ">50.00<", ">51.00<")],
)
def test_an_event_of_another_command_is_found(tmp_path: Path, part: str, old: str, new: str) -> None:
    """An event under a number must be about the command of that number."""
    found(verified(tmp_path, replaced(part, old, new)), "record", "of another command")


@pytest.mark.parametrize("kind", ["userCommand", "errorEvent", "accountTransaction"])
def test_an_event_that_stands_twice_is_found(tmp_path: Path, kind: str) -> None:
    """Of each kind of event a command has one at most."""

    def change(lines: list[str]) -> list[str]:
        at = next(n for n, line in enumerate(lines) if line.startswith(f"<{kind}>"))
        return [*lines[: at + 1], lines[at], *lines[at + 1 :]]

    findings = verified(tmp_path, change)
    found(findings, "record")
    assert re.search("two|twice", findings.named[0].text)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("ADD</command>", "TAKE</command>", 1), "not valid"),
        (lambda text: text.replace("<server>", "<servant>", 1).replace("</server>", "</servant>", 1), "not valid"),
        (lambda text: text.replace("<funds>100.00", "<funds>-100.00", 1), "not valid"),
        (lambda text: text.replace("</log>", ""), "breaks off"),
        (lambda text: text[: len(text) // 2], "breaks off"),
        (lambda text: text.replace("</funds>", "</fund>", 1), "not"),
        (lambda text: text + "more", "not"),
        (lambda _: "", "breaks off"),
        (lambda _: "no log at all", "not well-formed"),
        (lambda _: '{"log": []}', "not well-formed"),
    ],
)
def test_what_is_no_valid_log_is_found(tmp_path: Path, change: Callable[[str], str], words: str) -> None:
    """No XML, another document, broken off, or not valid: said once, and balances are not compared with a part."""
    desk = traded()
    log = write_records(tmp_path / "log.xml", desk)
    log.write_text(change(log.read_text()))
    findings = verify_log(log, accounts=accounts_file(tmp_path, desk))[1]
    found(findings, "format", words)
    assert not findings.readable
    assert not findings.violations["balance"]


def test_only_the_first_violations_are_put_into_words(tmp_path: Path) -> None:
    """Twenty violations are named, all are counted."""
    desk = Desk()
    for n in range(50):
        desk.accepted("ADD", f"u{n}", amount="1.00")
    lines = [
        line.replace("<funds>1.00", "<funds>2.00") if "<action>" in line else line for line in log_lines(desk.records)
    ]
    findings = verify_log(write_log(tmp_path / "log.xml", lines))[1]
    assert len(findings.named) == NAMED == 20
    assert findings.violations == {"cash": 50}


def test_one_violation_of_a_user_hides_no_other_user(tmp_path: Path) -> None:
    """After log and rules have parted for one user, that user is left alone and the others are checked on."""

    def change(lines: list[str]) -> list[str]:
        return without("<userCommand> >BUY< bert 50.00")(without("<userCommand> >BUY< anna 50.00")(lines))

    findings = verified(tmp_path, change)
    assert [violation.text.split()[3].strip(":") for violation in findings.named] == ["anna", "bert"]
    assert findings.checked["balances compared"] == 1


def test_progress_tells_every_byte(tmp_path: Path) -> None:
    """The sizes that progress is told add up to the file."""
    log = write_records(tmp_path / "log.xml", traded())
    told: list[int] = []
    verify_log(log, progress=told.append)
    assert sum(told) == log.stat().st_size


GROWTH = """
import resource, sys
from pathlib import Path
from daytrader.workload.verify.findings import Findings
from daytrader.workload.verify.log import transactions

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

before = peak()
findings = Findings()
for _ in transactions(Path(sys.argv[1]), findings, lambda _: None):
    pass
assert findings.clean
print(findings.checked["events"], peak() - before)
"""
"""Reads a log and prints how many events it has and by how many bytes the process has grown."""


def test_memory_does_not_grow_with_the_log(tmp_path: Path) -> None:
    """Two hundred thousand events take hardly more memory than a handful: schema and parser keep none of them."""
    desk = Desk()
    desk.accepted("ADD", "u", amount="1.00")
    for _ in range(200_000):
        desk.records.append(desk.records[0])
    log = write_records(tmp_path / "log.xml", desk)
    measured = subprocess.run([sys.executable, "-c", GROWTH, log], capture_output=True, text=True, check=True)
    events, grown = (int(word) for word in measured.stdout.split())
    assert events == 400_002
    assert grown < 16 * 1024 * 1024
