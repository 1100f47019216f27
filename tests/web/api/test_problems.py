"""Problems: a kind for every refusal, each explained at the address that its type names."""

import pytest

from daytrader.domain import refusal
from daytrader.transaction.message import Reply
from daytrader.web.api.problems import KINDS, of_reply
from tests.web.api.asking import ask, said

TEXTS = [
    text
    for name, text in vars(refusal).items()
    if name.isupper() and isinstance(text, str) and text not in (refusal.INVALID_COMMAND, refusal.NO_QUOTE)
]


@pytest.mark.parametrize("text", TEXTS)
def test_every_refusal_has_a_kind_of_its_own(text: str) -> None:
    """A refusal of the rules is told as such, never as a request that cannot be read."""
    told = of_reply(Reply(400, text.encode()), "w:1")
    assert (told.title, told.detail, told.status) == (text, text, 400)
    assert KINDS[told.code].title == text


def test_the_codes() -> None:
    """Codes are for programs, so they never change: this is the list of them."""
    assert sorted(KINDS) == [
        "amount-below-trigger-price",
        "amount-too-large",
        "amount-zero",
        "body-too-large",
        "body-too-slow",
        "forbidden",
        "idempotency-key-reused",
        "insufficient-funds",
        "insufficient-shares",
        "internal-error",
        "invalid-amount",
        "invalid-stock-symbol",
        "invalid-userid",
        "malformed-request",
        "method-not-allowed",
        "no-buy-trigger-for-price",
        "no-such-trigger",
        "no-such-user",
        "no-trigger-amount",
        "not-enough-stocks",
        "not-found",
        "nothing-pending",
        "outcome-unknown",
        "price-above-buy-amount",
        "price-above-sell-amount",
        "price-above-trigger-amount",
        "quote-unavailable",
        "too-many-pending-orders",
        "too-many-requests",
        "unauthenticated",
        "unavailable",
        "unsupported-media-type",
    ]


async def test_a_type_leads_to_its_explanation(port: int) -> None:
    """The address that a problem's type names says what to do about it."""
    for code, kind in KINDS.items():
        told = said(await ask(port, "GET", f"/problems/{code}"))
        assert told == {"code": code, "status": kind.status, "title": kind.title, "advice": kind.advice}
