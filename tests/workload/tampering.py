"""A traded desk, its log and its accounts, and ways to tamper with them."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from daytrader.domain.summary import summary
from daytrader.workload.verify.findings import Findings
from daytrader.workload.verify.verification import verify_log
from tests.domain.desk import Desk
from tests.workload.made_log import log_lines, write_log

SCRIPT = (
    "ADD 100.00; BUY A 50.00; COMMIT_BUY; BUY B 12.34; CANCEL_BUY; BUY C 5.00; SELL A 10.00; COMMIT_SELL; SELL A 5.00;"
    "wait 5; SET_BUY_AMOUNT B 20.01; SET_BUY_TRIGGER B 5.00; SET_SELL_AMOUNT A 10.00; SET_SELL_TRIGGER A 5.00; QUOTE D;"
    "triggers; wait 7; SET_BUY_AMOUNT B 1.00; SET_BUY_AMOUNT E 2.00; CANCEL_SET_BUY E; SET_BUY_AMOUNT C 3.00;"
    "SET_BUY_TRIGGER C 1.00; SET_SELL_AMOUNT A 2.00; SET_SELL_TRIGGER A 9.00; SET_SELL_TRIGGER A 1.00; COMMIT_BUY;"
    "COMMIT_BUY; BUY A 4.99; BUY A 900.00; SELL Z 5.00; BUY a 5.00; BUY A 0.00; BUY A -1.00; DISPLAY_SUMMARY;"
    "price 0.00; BUY A 5.00; QUOTE A; price 5.00; wait 1; SELL A 5.00"
)
"""Takes every rule in once: 1 of each kind of event, with refusals of each kind."""


def traded() -> Desk:
    """Return a desk on which three users have traded, and others were refused."""
    desk = Desk()
    for user in ("anna", "bert", "cleo"):
        desk.play(SCRIPT, user)
    desk.run("BUY", "nobody", "A", "5.00")
    desk.run("ADD", "!!", "", "5.00")
    desk.run("ADD", "anna", "", "9" * 300)
    desk.run("DUMPLOG", "anna", filename='<&"\x01.xml')
    desk.run("DUMPLOG", filename="./log")
    return desk


def accounts_file(tmp_path: Path, desk: Desk) -> Path:
    """Write the summaries of all users; return the path."""
    lines = [
        json.dumps({"user": user, "summary": json.loads(summary(account, desk.now))})
        for user, account in desk.accounts.items()
    ]
    path = tmp_path / "accounts.jsonl"
    path.write_text("\n".join(lines) + "\n")
    return path


def verified(tmp_path: Path, change: Callable[[list[str]], list[str]] = lambda lines: lines) -> Findings:
    """Verify the log of the traded desk after a change of its lines, with the accounts of the desk."""
    desk = traded()
    log = write_log(tmp_path / "log.xml", change(log_lines(desk.records)))
    return verify_log(log, accounts=accounts_file(tmp_path, desk))[1]


def number_of(lines: list[str], part: str) -> str:
    """Return the transactionNum of the first line that contains all of `part`, given in pieces between spaces."""
    for line in lines:
        if all(piece in line for piece in part.split()):
            return field(line, "transactionNum")
    raise AssertionError(f"no line with {part}")


def field(line: str, name: str) -> str:
    """Return the text of a child."""
    found = re.search(f"<{name}>([^<]*)</{name}>", line)
    assert found, f"no {name} in {line}"
    return found[1]


def without(part: str) -> Callable[[list[str]], list[str]]:
    """Return a change that removes all events of the first transaction with a line like `part`."""

    def change(lines: list[str]) -> list[str]:
        gone = f"<transactionNum>{number_of(lines, part)}<"
        return [line for line in lines if gone not in line]

    return change


def replaced(part: str, old: str, new: str) -> Callable[[list[str]], list[str]]:
    """Return a change that replaces text in the first line like `part`."""

    def change(lines: list[str]) -> list[str]:
        at = next(n for n, line in enumerate(lines) if all(piece in line for piece in part.split()))
        assert old in lines[at]
        return [*lines[:at], lines[at].replace(old, new), *lines[at + 1 :]]

    return change


def found(findings: Findings, kind: str, *words: str) -> None:
    """Assert that the first violation is of this kind and says these words."""
    first = findings.named[0]
    assert first.kind == kind, findings.named
    for word in words:
        assert word in first.text, first.text
