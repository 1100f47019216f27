"""Records and accounts as msgpack: what is written is read again."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytrader.domain.account import Account
from daytrader.domain.evolve import replay
from daytrader.domain.quote import Hit, Quote
from daytrader.domain.record import Record
from tests.domain.desk import START, Desk
from tests.domain.test_event import CHANGES

encode = msgspec.msgpack.encode


@pytest.mark.parametrize("event", [event for event, _ in CHANGES])
def test_records_of_every_event_survive_the_journal(event: object) -> None:
    """A record with any event, a quote and a hit is read as it was written."""
    quote, hit = Quote("A", 500, START, START), Hit("A", "u", 0, START, "Zm9v")
    record = Record(START, "u", "k:1", event=event, quote=quote, hit=hit)  # type: ignore[arg-type]
    assert msgspec.msgpack.decode(encode(record), type=Record) == record


@given(st.integers(0, 10**15), st.dictionaries(st.sampled_from("ABC"), st.integers(1, 2**63)))
def test_the_largest_balances_can_be_stored(cents: int, holdings: dict[str, int]) -> None:
    """Any balance and any number of shares survives the account store."""
    account = Account(cents, holdings)
    assert msgspec.msgpack.decode(encode(account), type=Account) == account


def test_replaying_what_was_stored_gives_the_same_account() -> None:
    """Records and accounts that went through msgpack replay to what the desk decided."""
    desk = Desk()
    desk.play(
        "ADD 100.00; BUY A 50.00; COMMIT_BUY; BUY A 5.00; SELL A 10.00; SET_BUY_AMOUNT B 20.00; SET_BUY_TRIGGER B 5.00;"
        "SET_SELL_AMOUNT A 10.00; SET_SELL_TRIGGER A 2.00; BUY A x; triggers; COMMIT_SELL; CANCEL_BUY; QUOTE A"
    )
    account: Account | None = None
    for record in desk.records:
        account = replay(account, msgspec.msgpack.decode(encode(record), type=Record))
        account = msgspec.msgpack.decode(encode(account), type=Account)
    assert account == desk.accounts["u"]
