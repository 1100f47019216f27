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


def find(request: Request, command: Command, account: Account | None, strangers: Account | None) -> Recent | None:
    """Return what is remembered of a request that was decided before.

    `strangers` is the partition's account for users who do not exist: what a user asked before the first ADD stands
    there. It is not needed where `account` has forgotten commands: all that are remembered came after that.
    """
    if account is not None:
        for recent in reversed(account.recent):
            if recent.request == request.id:
                return recent
        if account.forgotten:
            return None
    if strangers is None:
        return None
    asked: Sequence[Recent] = strangers.recent
    if account is not None and account.recent:
        asked = asked[: bisect_right(asked, account.recent[0].time, key=_time)]
    for recent in reversed(asked):
        # Without a valid userid nobody can say that two are the same user: only the same command is the same.
        same = recent.command.user == command.user if command.user else recent.command == command
        if same and recent.request == request.id:
            return recent
    return None


def answer_again(recent: Recent, command: Command) -> Reply | None:
    """Return the answer to a command under a request id that is remembered, None where it is decided anew."""
    if recent.command != command:
        return OTHER_COMMAND
    if command.name in ANSWERED_ANEW or recent.refusal == refusal.NO_QUOTE:
        return None
    if recent.refusal:
        return Reply(400, recent.refusal.encode())
    return Reply(200, b"", 0, recent.answer) if recent.answer else ACCEPTED


def reaches_back(request: Request, account: Account | None, strangers: Account | None) -> bool:
    """Whether a request that was decided at any time since its first sending would be remembered."""
    window = account if account is not None and account.forgotten else strangers
    return window is None or not window.forgotten or window.recent[0].time <= request.first_sent - CLOCK_SLACK_MS
