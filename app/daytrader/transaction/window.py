"""The request-id window: a command that is sent again gets its first answer, or is told that nobody knows it."""

from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from daytrader.domain import refusal
from daytrader.domain.account import Account, Recent
from daytrader.domain.command import ANSWERED_ANEW, Command
from daytrader.transaction.message import Reply, Request
from daytrader.transaction.waiting import ACCEPTED

CLOCK_SLACK_MS: Final = 2_000
"""By how much the clocks of two replicas may differ, both being ready."""

OUTCOME_UNKNOWN: Final = Reply(503, b"Outcome unknown")
OTHER_COMMAND: Final = Reply(422, b"The Idempotency-Key was used with another command")

_time = attrgetter("time")


def answer_again(
    request: Request, command: Command, account: Account | None, strangers: Account | None, *, doubtful: bool
) -> Reply | None:
    """Return what to answer a request that may have been decided before, None where it has to be decided (again).

    `doubtful`: nobody but the window knows whether it has been. `strangers` is the partition's account for users who
    do not exist: what a user asked before the first ADD stands there. It is not needed where `account` has forgotten
    commands: all that are remembered came after that.
    """
    recent = _first(request.id, command, account, strangers)
    if recent is not None:
        if recent.command != command:
            return OTHER_COMMAND
        if command.name in ANSWERED_ANEW or recent.refusal == refusal.NO_QUOTE:
            return None
        return _first_answer(recent)
    if doubtful:
        window = account if account is not None and account.forgotten else strangers
        if window is not None and window.forgotten and window.recent[0].time > request.first_sent - CLOCK_SLACK_MS:
            return OUTCOME_UNKNOWN
    return None


def _first(request_id: str, command: Command, account: Account | None, strangers: Account | None) -> Recent | None:
    if account is not None:
        for recent in reversed(account.recent):
            if recent.request == request_id:
                return recent
        if account.forgotten:
            return None
    if strangers is None:
        return None
    asked: Sequence[Recent] = strangers.recent
    if account is not None and account.recent:
        asked = asked[: bisect_right(asked, account.recent[0].time, key=_time)]
    user = command.user
    for recent in reversed(asked):
        if recent.request == request_id and recent.command.user == user and (user or recent.command == command):
            return recent  # without a valid userid nobody can say that two are the same user: only the same command is
    return None


def _first_answer(recent: Recent) -> Reply:
    if recent.refusal:
        return Reply(400, recent.refusal.encode())
    return Reply(200, b"", 0, recent.answer) if recent.answer else ACCEPTED
