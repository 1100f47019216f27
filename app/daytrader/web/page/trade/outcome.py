"""What came of an action, as it is shown beside its form, and as it is taken to the page that is shown next."""

from typing import Final

import msgspec

from daytrader.domain import refusal
from daytrader.transaction.message import Reply, Request
from daytrader.web.api import problems
from daytrader.web.dispatch import UNKNOWN
from daytrader.web.page.trade.actions import Action, Place, done

_BY_STATUS: Final = {
    422: "This form was sent before with something else in it. Reload the page and try again.",
    429: "Too much is under way. Try again in a moment.",
    503: "A part of the system is down; nothing was done. Try again in a moment.",
}
_BY_TEXT: Final = {
    refusal.NO_QUOTE: "There is no quote to be had now; nothing was done. Try again in a moment.",
    UNKNOWN.body.decode(): "Nobody knows yet whether it was done. Send it again: it will be done once at the most.",
}


class AskedQuote(msgspec.Struct, frozen=True):
    """What a QUOTE answered."""

    symbol: str
    price: int
    """Cents."""
    asked_at: int
    """When the quote server was asked, ms since the epoch."""
    bought: bool
    """Whether it was asked for this very command; else the price was known already."""


class Outcome(msgspec.Struct, frozen=True):
    """What came of an action."""

    place: Place
    ok: bool
    text: str
    status: int = 200
    """The HTTP status that says the same."""
    request: str = ""
    """The request id, by which the command is found in the account; empty: it did not come that far."""
    quote: AskedQuote | None = None


def outcome_of(action: Action, request: Request, reply: Reply) -> Outcome:
    """Return what came of `action`."""
    if reply.status == 200:
        return Outcome(
            action.place, True, done(action, request, reply), 200, request.id, _quote(action, request, reply)
        )
    text = reply.body.decode(errors="replace")
    if reply.status == 400:
        return Outcome(action.place, False, f"{text}. {problems.advice_for(text)}".strip(), 400, request.id)
    words = _BY_TEXT.get(text) or _BY_STATUS.get(reply.status, "Something is wrong with the system.")
    return Outcome(action.place, False, words, reply.status)


def _quote(action: Action, request: Request, reply: Reply) -> AskedQuote | None:
    if action.command != "QUOTE" or request.command is None or reply.answer is None:
        return None
    price, asked_at, bought = reply.answer
    return AskedQuote(request.command.symbol, price, asked_at, bool(bought))
