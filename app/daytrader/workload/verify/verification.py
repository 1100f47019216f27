"""A verification: the log replayed, matched with the client's history, and compared with the accounts."""

from collections.abc import Callable, Sequence
from pathlib import Path

from daytrader.workload.verify.acknowledged import Acknowledged
from daytrader.workload.verify.balances import compare_file, conserved
from daytrader.workload.verify.findings import Findings
from daytrader.workload.verify.log import transactions
from daytrader.workload.verify.numbers import NumberSet
from daytrader.workload.verify.replay import Replay


def verify_log(
    log: Path,
    *,
    histories: Sequence[Path] = (),
    before: NumberSet | None = None,
    accounts: Path | None = None,
    progress: Callable[[int], None] = lambda _bytes: None,
) -> tuple[Replay, Findings]:
    """Check `log` against the rules, the client's `histories`, and the `accounts` of a file, where they are given.

    Needs memory for the users (and 22 bytes a command of the histories), not for the log. `progress` is told how many
    more bytes of the log and the histories were read. Returns the accounts that the log leads to, and what was found.

    `before` are the numbers that the log held before the first history began; where they are given, the log may tell of
    other clients, too. Users of theirs who traded meanwhile are checked under the rules, but are not among the accounts
    returned: their balances have moved on since the log ended.

    Raises:
        OSError: a file cannot be read.
        HistoryError, AccountsError: a file that goes with the log is not what it should be.
    """
    findings = Findings()
    acknowledged = Acknowledged(findings, before)
    for history in histories:
        acknowledged.read(history, progress)
    replay = Replay(findings, acknowledged.take) if histories else Replay(findings)
    for transaction in transactions(log, findings, progress):
        replay.take(transaction)
    findings.checked["users"] = sum(user.account is not None for user in replay.users.values())
    if not findings.readable:
        return replay, findings
    conserved(replay, findings)
    if histories:
        acknowledged.finish()
    for other in acknowledged.others:
        del replay.users[other]
    if accounts is not None:
        compare_file(accounts, replay, findings)
    return replay, findings
