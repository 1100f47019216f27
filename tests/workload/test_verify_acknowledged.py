"""`verify --history`: what the client was told, matched with what the log says."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from daytrader.domain.command import COMMAND_NAMES
from daytrader.workload.history import Sent
from daytrader.workload.verify.acknowledged import HistoryError
from daytrader.workload.verify.findings import Findings
from daytrader.workload.verify.verification import verify_log
from tests.domain.desk import Desk
from tests.workload.made_log import write_records
from tests.workload.tampering import found


class Client:
    """Runs lines on a desk and keeps the history that the load generator would keep."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.history: list[Sent] = []

    def run(self, *lines: str) -> None:
        """Run lines like `BUY,anna,A,5.00`, each answered."""
        for line in lines:
            status, body = self.decide(line)
            shown = body if status == 400 or line.startswith("QUOTE") else None
            self.keep(line, status, shown)

    def decide(self, line: str) -> tuple[int, str]:
        """Let the system decide a line; the client learns nothing of it."""
        name, *args = line.split(",")
        if name == "DUMPLOG":
            return self.desk.run("DUMPLOG", filename=args[-1], user=args[0] if len(args) == 2 else "")
        user, *rest = args
        symbol = rest.pop(0) if rest and rest[0].isalpha() else ""
        return self.desk.run(COMMAND_NAMES[name], user, symbol, *rest)

    def keep(self, line: str, status: int, body: str | None) -> None:
        """Enter a line into the history with what the client was told; status 0 is no answer."""
        name, *args = line.split(",")
        n = len(self.history) + 1
        user = None if name == "DUMPLOG" and len(args) == 1 else args[0]
        answered = self.desk.now + 2 if status else None
        self.history.append(Sent(f"x-{n}", user, n, name, args, [self.desk.now], answered, status, body))

    def verify(self, tmp_path: Path) -> Findings:
        """Verify the desk's log with the history."""
        path = tmp_path / "history.jsonl"
        path.write_bytes(b"".join(msgspec.json.encode(sent) + b"\n" for sent in self.history))
        return verify_log(write_records(tmp_path / "log.xml", self.desk), histories=[path])[1]


def client() -> Client:
    """Return a client that has traded for two users and a few who do not exist."""
    made = Client()
    for user in ("anna", "bert"):
        made.run(f"ADD,{user},100.00", f"QUOTE,{user},A", f"BUY,{user},A,50.00", f"COMMIT_BUY,{user}")
        made.run(f"COMMIT_BUY,{user}", f"DISPLAY_SUMMARY,{user}", f"BUY,{user},A,900.00", f"ADD,{user},-1.00")
    made.run("ADD,!!,1.00", "ADD,!!,1.00", "BUY,nobody,A,5.00", "DUMPLOG,anna,./mine")
    return made


def test_a_history_that_the_log_tells_too_passes(tmp_path: Path) -> None:
    """Every acknowledged command is found with its outcome."""
    made = client()
    made.keep("DUMPLOG,./log", 200, None)
    findings = made.verify(tmp_path)
    assert findings.named == []
    assert findings.checked["commands of the history"] == 21
    assert findings.checked["commands of the history found in the log"] == 20


@pytest.mark.parametrize("line", ["ADD,anna,100.00", "BUY,anna,A,50.00", "COMMIT_BUY,anna", "ADD,anna,-1.00"])
def test_an_acknowledged_command_that_the_log_lacks_is_found(tmp_path: Path, line: str) -> None:
    """A command that was answered and is not in the log is lost, accepted or refused, in the middle or at the end."""
    made = client()
    place = next(n for n, sent in enumerate(made.history) if line == ",".join([sent.command, *sent.args]))
    again = made.history[place]
    for name in ("DISPLAY_SUMMARY", "COMMIT_BUY"):
        made.run(f"{name},anna")
    made.history.insert(place, again)
    findings = made.verify(tmp_path)
    found(findings, "history")
    assert findings.violations == {"history": 1}


@pytest.mark.parametrize("line", ["ADD,anna,5.00", "QUOTE,anna,A", "DISPLAY_SUMMARY,anna"])
def test_an_acknowledged_command_missing_at_the_end_is_found(tmp_path: Path, line: str) -> None:
    """The log may not end before the last command that was acknowledged, a mere question included."""
    made = client()
    made.keep(line, 200, "5.00" if line.startswith("QUOTE") else None)
    findings = made.verify(tmp_path)
    found(findings, "history", f"{line.partition(',')[0]} of line 21 (anna) was acknowledged, but is not in the log")


def test_a_command_that_took_effect_twice_is_found(tmp_path: Path) -> None:
    """The log has a second ADD where the client sent one."""
    made = client()
    made.run("ADD,bert,7.00")
    made.decide("ADD,bert,7.00")
    made.run("COMMIT_BUY,bert")
    found(made.verify(tmp_path), "history", "ADD of bert (accepted)", "ADD of line 21 took effect already")


def test_a_command_that_nobody_sent_is_found(tmp_path: Path) -> None:
    """The log has a command that is in no history, of a known user or an unknown one."""
    made = client()
    made.decide("ADD,anna,1.00")
    found(made.verify(tmp_path), "history", "ADD of anna", "the user sent no more")
    made = client()
    made.decide("ADD,dora,1.00")
    made.decide("ADD,dora,1.00")
    findings = made.verify(tmp_path)
    found(findings, "history", "ADD of dora", "the user sent nothing")
    assert findings.violations == {"history": 1}


def test_a_changed_order_is_found(tmp_path: Path) -> None:
    """Commands of a user take effect in the order in which they were acknowledged."""
    made = client()
    made.run("ADD,anna,1.00", "ADD,anna,2.00")
    one, other = made.history[-2:]
    made.history[-2:] = [msgspec.structs.replace(other, line=one.line), msgspec.structs.replace(one, line=other.line)]
    found(made.verify(tmp_path), "history", "ADD of anna")


@pytest.mark.parametrize(
    ("status", "body"), [(400, "Insufficient funds"), (400, "The specified stack is empty"), (400, "")]
)
def test_an_accepted_command_that_was_answered_otherwise_is_found(tmp_path: Path, status: int, body: str) -> None:
    """A client that was told of a refusal finds the command accepted in the log."""
    made = client()
    made.decide("ADD,anna,1.00")
    made.keep("ADD,anna,1.00", status, body)
    found(made.verify(tmp_path), "history", "ADD of anna (accepted)", "was answered otherwise")


def test_a_refusal_with_another_text_is_found(tmp_path: Path) -> None:
    """The client must have been told the text that the log tells."""
    made = client()
    made.decide("CANCEL_BUY,anna")
    made.keep("CANCEL_BUY,anna", 400, "Insufficient funds")
    found(made.verify(tmp_path), "history", "CANCEL_BUY of anna (The specified stack is empty)", "otherwise")


def test_a_price_that_the_log_does_not_tell_is_found(tmp_path: Path) -> None:
    """A QUOTE must have been answered with a price that the log tells for it."""
    made = client()
    made.decide("QUOTE,anna,A")
    made.keep("QUOTE,anna,A", 200, "5.01")
    found(made.verify(tmp_path), "history", "QUOTE of line 21 (anna) was acknowledged, but is not in the log")


@pytest.mark.parametrize("took_effect", [True, False])
@pytest.mark.parametrize("status", [0, 503, 500, 429])
@pytest.mark.parametrize("line", ["ADD,anna,1.00", "COMMIT_BUY,anna", "QUOTE,anna,A"])
def test_a_failed_command_may_have_taken_effect_or_not(
    tmp_path: Path, line: str, status: int, took_effect: bool
) -> None:
    """Nobody knows what became of a command that was never acknowledged; what follows it is matched all the same."""
    made = client()
    if took_effect:
        made.decide(line)
    made.keep(line, status, "something")
    made.run("ADD,anna,3.00", line, "COMMIT_BUY,anna")
    assert made.verify(tmp_path).named == []


def test_a_failed_command_takes_effect_once_at_most(tmp_path: Path) -> None:
    """A failed ADD that is in the log twice was doubled."""
    made = client()
    made.decide("ADD,anna,1.00")
    made.decide("ADD,anna,1.00")
    made.keep("ADD,anna,1.00", 0, "no answer")
    found(made.verify(tmp_path), "history", "ADD of anna")


@pytest.mark.parametrize("effects", [0, 1, 2, 3])
def test_equal_commands_after_each_other_are_counted(tmp_path: Path, effects: int) -> None:
    """Of two failed and one acknowledged equal commands, one to three may be in the log, whichever they are."""
    made = client()
    for _ in range(effects):
        made.decide("ADD,anna,1.00")
    made.keep("ADD,anna,1.00", 0, "no answer")
    made.keep("ADD,anna,1.00", 200, None)
    made.keep("ADD,anna,1.00", 0, "no answer")
    made.run("ADD,anna,2.00")
    assert made.verify(tmp_path).clean is (effects > 0)


def test_questions_may_be_answered_more_often_than_the_client_knows(tmp_path: Path) -> None:
    """A QUOTE, DISPLAY_SUMMARY or DUMPLOG that was sent again is decided again, and others may ask too."""
    made = client()
    for line in ("QUOTE,anna,A", "DISPLAY_SUMMARY,anna", "DUMPLOG,anna,./mine", "DUMPLOG,./log", "QUOTE,dora,A"):
        made.decide(line)
        made.decide(line)
    made.run("ADD,anna,1.00")
    findings = made.verify(tmp_path)
    assert findings.named == []
    assert findings.checked["questions beyond the history"] == 10


def test_the_price_of_the_last_answer_counts(tmp_path: Path) -> None:
    """A QUOTE that was sent again because its first answer was lost stands in the log with both prices."""
    made = client()
    made.decide("QUOTE,anna,A")
    made.desk.price = 600
    made.run("QUOTE,anna,A", "ADD,anna,1.00")
    assert made.verify(tmp_path).named == []


@pytest.mark.parametrize("last", ["answered", "failed"])
def test_an_order_without_a_quote_may_be_decided_again(tmp_path: Path, last: str) -> None:
    """A 503 for want of a quote is logged and not remembered: the same order may follow, or none."""
    made = client()
    made.desk.price = 0
    made.decide("BUY,anna,A,5.00")
    made.decide("BUY,anna,A,5.00")
    made.desk.price = 500
    if last == "answered":
        made.run("BUY,anna,A,5.00")
    else:
        made.decide("BUY,anna,A,5.00")
        made.keep("BUY,anna,A,5.00", 503, "Quote unavailable")
    made.run("CANCEL_BUY,anna", "ADD,anna,1.00")
    findings = made.verify(tmp_path)
    assert findings.named == []
    assert findings.checked["commands that got no quote"] == 2


def test_an_order_without_a_quote_that_nobody_sent_is_found(tmp_path: Path) -> None:
    """A refusal for want of a quote must be of a command that was sent."""
    made = client()
    made.desk.price = 0
    made.decide("BUY,anna,A,123.00")
    found(made.verify(tmp_path), "history", "BUY of anna (Quote unavailable)", "the user sent no more")


def test_commands_without_a_valid_userid_are_counted(tmp_path: Path) -> None:
    """They have no user whose order could be kept; each must be there as often as it was answered."""
    made = client()
    made.keep("ADD,!!,1.00", 400, "Invalid userid")
    found(made.verify(tmp_path), "history", "1 commands without a valid userid")
    made = client()
    made.decide("ADD,??,1.00")
    found(made.verify(tmp_path), "history", "ADD of nobody (Invalid userid)", "no such command")
    made = client()
    made.decide("ADD,??,1.00")
    made.keep("ADD,??,1.00", 0, "no answer")
    assert made.verify(tmp_path).clean


def test_one_user_that_went_wrong_is_named_once(tmp_path: Path) -> None:
    """After the first difference a user is left alone, and the others are matched on."""
    made = client()
    for user in ("anna", "bert"):
        made.decide(f"ADD,{user},1.00")
        made.decide(f"ADD,{user},2.00")
    made.run("ADD,anna,3.00", "ADD,bert,3.00")
    findings = made.verify(tmp_path)
    assert findings.violations == {"history": 2}


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line[:-10],
        lambda line: line.replace(b'"ADD"', b'"TAKE"'),
        lambda line: line.replace(b'"100.00"', b'"100.00","more"'),
        lambda _: b"",
        lambda _: b"[]",
    ],
)
def test_a_broken_history_is_named_with_its_line(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    """A line that is none stops the verification, with file and line number."""
    made = client()
    path = tmp_path / "broken.jsonl"
    path.write_bytes(
        msgspec.json.encode(made.history[3]) + b"\n" + change(msgspec.json.encode(made.history[0])) + b"\n"
    )
    with pytest.raises(HistoryError, match=r"broken\.jsonl:2: no line of a history"):
        verify_log(write_records(tmp_path / "log.xml", made.desk), histories=[path])


def test_the_order_is_that_of_the_workload_file(tmp_path: Path) -> None:
    """Several processes write one history: a user's DUMPLOG may stand in it before what was sent before."""
    made = client()
    made.history.insert(0, made.history.pop())
    assert made.verify(tmp_path).named == []


def test_several_histories_follow_each_other(tmp_path: Path) -> None:
    """Two runs against one installation have two histories, given in their order."""
    made = client()
    made.run("ADD,anna,1.00", "ADD,anna,2.00")
    paths = [tmp_path / "one.jsonl", tmp_path / "two.jsonl"]
    for path, part in zip(paths, (made.history[:-1], made.history[-1:]), strict=True):
        path.write_bytes(b"".join(msgspec.json.encode(sent) + b"\n" for sent in part))
    log = write_records(tmp_path / "log.xml", made.desk)
    assert verify_log(log, histories=paths)[1].clean
    assert not verify_log(log, histories=paths[::-1])[1].clean
