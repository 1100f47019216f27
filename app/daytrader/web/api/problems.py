"""Problems: what the API answers where it does not do as asked, as RFC 9457 wants it."""

from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from daytrader.auth.guard import Denied
from daytrader.domain import refusal
from daytrader.transaction.message import Reply
from daytrader.web.dispatch import UNKNOWN

TYPES: Final = "/api/v1/problems/"
"""What stands before a problem's code in its `type`: there it is told what the code means."""

MEDIA_TYPE: Final = "application/problem+json"


class Kind(msgspec.Struct, frozen=True):
    """A kind of problem."""

    code: Annotated[str, Meta(description="Stays as it is over all versions: what programs look at.")]
    status: Annotated[int, Meta(description="The HTTP status that it comes with.")]
    title: Annotated[str, Meta(description="What it is, in words that are the same each time.")]
    advice: Annotated[str, Meta(description="What a client can do about it.")]


class Problem(msgspec.Struct, frozen=True):
    """Why nothing was done (or, with the code `outcome-unknown`, why nobody knows whether it was)."""

    type: Annotated[str, Meta(description="A path at which the kind of problem is explained; its end is `code`.")]
    title: str
    status: Annotated[int, Meta(description="The HTTP status.")]
    detail: Annotated[
        str,
        Meta(
            description="What is wrong this time, in words; where a command was refused, the refusal that the log has."
        ),
    ]
    code: Annotated[str, Meta(description="The kind of problem, for programs.")]
    request_id: Annotated[
        str | UnsetType,
        Meta(description="By which the log and the answers of the system know the command, where it came as far."),
    ] = UNSET


class ProblemError(Exception):
    """The request cannot be done; carries the problem to answer."""

    def __init__(self, kind: Kind, detail: str, challenge: str = "") -> None:
        """`challenge` is what the header WWW-Authenticate says, where there is one."""
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.challenge = challenge


_CORRECT: Final = "Correct the value."
_LATER: Final = "Send it again after the seconds of Retry-After, with the same Idempotency-Key."

_REFUSALS: Final = {
    refusal.INVALID_USER: ("invalid-userid", "One to 64 letters and digits of ASCII."),
    refusal.INVALID_SYMBOL: ("invalid-stock-symbol", "One to three capital letters."),
    refusal.INVALID_AMOUNT: ("invalid-amount", _CORRECT),
    refusal.AMOUNT_ZERO: ("amount-zero", _CORRECT),
    refusal.AMOUNT_TOO_LARGE: ("amount-too-large", "No amount, and no balance, is above 10^15 cents."),
    refusal.NO_USER: ("no-such-user", "The first deposit makes the account."),
    refusal.BUY_BELOW_PRICE: ("price-above-buy-amount", "Buy for more, or at a better price."),
    refusal.SELL_BELOW_PRICE: ("price-above-sell-amount", "Sell for more, or at a lower price."),
    refusal.NO_FUNDS: ("insufficient-funds", "Deposit, or free what a trigger reserves."),
    refusal.NO_SHARES: ("insufficient-shares", "Sell less, or free what a trigger reserves."),
    refusal.STACK_EMPTY: ("nothing-pending", "Place an order; one is pending for 60 s."),
    refusal.STACK_FULL: ("too-many-pending-orders", "Commit or cancel some, or wait until they expire."),
    refusal.AMOUNT_BELOW_TRIGGER: ("amount-below-trigger-price", "Lower the trigger's price first."),
    refusal.NO_BUY_TRIGGER: ("no-buy-trigger-for-price", "Set the trigger's amount first, to the price at least."),
    refusal.NO_TRIGGER: ("no-such-trigger", "Look at the account for the triggers that there are."),
    refusal.NO_SELL_AMOUNT: ("no-trigger-amount", "Set the trigger's amount first."),
    refusal.PRICE_ABOVE_AMOUNT: ("price-above-trigger-amount", "Raise the trigger's amount first."),
    refusal.NO_STOCKS: ("not-enough-stocks", "Take a smaller amount, or a higher price."),
}

MALFORMED: Final = Kind("malformed-request", 400, "The request cannot be read", "See the API's document.")
UNAUTHENTICATED: Final = Kind("unauthenticated", 401, "Nobody knows who asks", "Show a bearer token that is good.")
FORBIDDEN: Final = Kind("forbidden", 403, "Not yours to see or to do", "Ask for what your role may have.")
NOT_FOUND: Final = Kind("not-found", 404, "There is nothing at this address", "See the API's document.")
NO_METHOD: Final = Kind("method-not-allowed", 405, "Not by this method", "See the header Allow.")
TOO_SLOW: Final = Kind("body-too-slow", 408, "The body did not arrive in time", "Send it again, in one go.")
TOO_LARGE: Final = Kind("body-too-large", 413, "The body is too large", "Send less at a time.")
NOT_JSON: Final = Kind(
    "unsupported-media-type", 415, "Not in this media type", "Say and send the type of the document."
)
KEY_REUSED: Final = Kind(
    "idempotency-key-reused", 422, "The Idempotency-Key was used with another command", "Take a new key."
)
BUSY: Final = Kind("too-many-requests", 429, "Too much is under way", _LATER)
DEFECT: Final = Kind("internal-error", 500, "Internal error", "Report it, with the request id.")
NO_QUOTE: Final = Kind("quote-unavailable", 503, refusal.NO_QUOTE, _LATER)
UNAVAILABLE: Final = Kind("unavailable", 503, "A part of the system is down; nothing was done", _LATER)
OUTCOME_UNKNOWN: Final = Kind(
    "outcome-unknown", 503, "Nobody knows whether it was done", f"{_LATER} Without a key, look at the account first."
)

_GENERAL: Final = (
    *(MALFORMED, UNAUTHENTICATED, FORBIDDEN, NOT_FOUND, NO_METHOD, TOO_SLOW, TOO_LARGE, NOT_JSON, KEY_REUSED, BUSY),
    *(DEFECT, UNAVAILABLE),
)

KINDS: Final[dict[str, Kind]] = {
    kind.code: kind
    for kind in (
        *(Kind(code, 400, text, advice) for text, (code, advice) in _REFUSALS.items()),
        *_GENERAL,
        *(NO_QUOTE, OUTCOME_UNKNOWN),
    )
}
"""Every kind by its code."""

_OF_TEXT: Final = {kind.title: kind for kind in KINDS.values() if kind.status == 400} | {
    refusal.NO_QUOTE: NO_QUOTE,
    UNKNOWN.body.decode(): OUTCOME_UNKNOWN,
}
OF_STATUS: Final = {kind.status: kind for kind in _GENERAL}
"""The kind for a status that comes without a reason of its own."""


def problem(kind: Kind, detail: str, request_id: str | UnsetType = UNSET) -> Problem:
    """Return the problem of `kind` that is `detail` this time."""
    return Problem(f"{TYPES}{kind.code}", kind.title, kind.status, detail, kind.code, request_id)


def denied(answer: Denied) -> ProblemError:
    """Return the error for what the guard answers to somebody who may not have what was asked for."""
    return ProblemError(OF_STATUS[answer.status], answer.text, answer.challenge)


def advice_for(text: str) -> str:
    """Return what can be done about a refusal that says `text`; empty where it is none."""
    kind = _OF_TEXT.get(text)
    return "" if kind is None else kind.advice


def of_reply(reply: Reply, request_id: str) -> Problem:
    """Return the problem that a reply without success tells of."""
    text = reply.body.decode()
    kind = _OF_TEXT.get(text) or OF_STATUS.get(reply.status, DEFECT)
    return problem(kind, text, request_id)
