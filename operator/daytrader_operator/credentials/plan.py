"""What to do next about the Secret with the internal tokens: a pure decision on what it holds.

The file that services see of it has one token a line; they send the first and accept all. A rotation adds a token,
makes it the first, and drops the old one, with waits so long that every pod has seen the step before. How far it is
stands in the Secret's annotations, written together with the tokens: an operator that dies goes on where it was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

ROTATE: Final = "daytrader.dev/rotate"
"""Asks for a rotation: any text that was not there before."""
ROTATING: Final = "daytrader.dev/rotating"
"""The text that asked for the rotation under way."""
PHASE: Final = "daytrader.dev/rotation-phase"
SINCE: Final = "daytrader.dev/rotation-since"
"""When the phase began, RFC 3339."""
ROTATED: Final = "daytrader.dev/rotated"
"""The text that asked for the last rotation that is done."""

ADDED: Final = "added"
FIRST: Final = "first"

WAIT: Final = timedelta(seconds=150)
"""Longer than a kubelet takes to bring a changed Secret into its pods, and a pod to look at the file."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """What the Secret becomes, and what its event says."""

    tokens: tuple[str, ...]
    annotations: Mapping[str, str | None]
    """Changed ones; None: goes away."""
    reason: str
    message: str


def next_change(
    tokens: Sequence[str], annotations: Mapping[str, str], *, new_token: str, now: datetime
) -> Change | None:
    """Return the next change of the Secret that holds `tokens`; None where nothing is to be done now."""
    if not tokens:
        return Change(tokens=(new_token,), annotations={}, reason="TokenMade", message="it held no token: made one")
    asked = annotations.get(ROTATE, "")
    under_way = annotations.get(ROTATING, "")
    if not under_way:
        if not asked or asked == annotations.get(ROTATED, ""):
            return None
        return _add(tokens, asked, new_token, now)
    phase, since = annotations.get(PHASE, ""), _time(annotations.get(SINCE, ""))
    if phase not in {ADDED, FIRST}:
        return _add(tokens, under_way, new_token, now)
    if since is None:
        return Change(
            tokens=tuple(tokens),
            annotations={SINCE: now.isoformat()},
            reason="RotationWaits",
            message=f"annotation {SINCE} is no time: waiting anew",
        )
    if now - since < WAIT:
        return None
    return _to_first(tokens, now) if phase == ADDED else _drop_old(tokens, under_way)


def _add(tokens: Sequence[str], asked: str, new_token: str, now: datetime) -> Change:
    return Change(
        tokens=(*tokens, new_token),
        annotations={ROTATING: asked, PHASE: ADDED, SINCE: now.isoformat()},
        reason="TokenAdded",
        message=f"rotation {asked!r}: a new token is accepted; it will be sent in {WAIT.total_seconds():.0f} s",
    )


def _to_first(tokens: Sequence[str], now: datetime) -> Change:
    return Change(
        tokens=(tokens[-1], *tokens[:-1]),
        annotations={PHASE: FIRST, SINCE: now.isoformat()},
        reason="TokenSent",
        message=f"the new token is sent; the old one is dropped in {WAIT.total_seconds():.0f} s",
    )


def _drop_old(tokens: Sequence[str], asked: str) -> Change:
    return Change(
        tokens=(tokens[0],),
        annotations={ROTATING: None, PHASE: None, SINCE: None, ROTATED: asked},
        reason="TokenRotated",
        message=f"rotation {asked!r} is done: the old token is worth nothing any more",
    )


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
