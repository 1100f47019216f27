"""Tokens: what is stored of them, and whom they show."""

import msgspec
import pytest

from daytrader.auth.identity import Identity
from daytrader.auth.role import Caller
from daytrader.auth.token import SESSION_MS, caller, id_of, new_text, session_for, stored, stored_for

BOB = Identity(name="bob", role="trader", password="", created=1_000, changed=1_000)


def test_no_two_tokens_are_alike() -> None:
    """Ids and texts are drawn at random, and an id is found in its text."""
    texts = [new_text() for _ in range(100)]
    assert len({id_of(text) for text in texts} - {""}) == 100
    assert all(id_of(text) in text for text in texts)


def test_the_text_is_not_in_what_is_stored() -> None:
    """Whoever reads the store has the id, and of the secret nothing."""
    text = new_text()
    packed = msgspec.msgpack.encode(stored(text, "load", "broker", now=1))
    assert id_of(text).encode() in packed
    assert text.encode() not in packed
    assert text.split("_", 2)[2].encode() not in packed


@pytest.mark.parametrize("text", ["", "dt_", "x", "dt_0123456789abcdef_", "dt_0123456789ABCDEF_" + "a" * 43])
def test_other_texts_are_no_tokens(text: str) -> None:
    """They have no id, and nothing is stored of them."""
    assert id_of(text) == ""
    with pytest.raises(ValueError, match="this is no token"):
        stored(text, "load", "broker", now=1)
    with pytest.raises(ValueError, match="this is no token"):
        stored_for(BOB, text, "laptop", now=1)


def test_a_token_of_a_role_shows_its_name_and_role() -> None:
    """It needs no identity."""
    text = new_text()
    assert caller(stored(text, "load", "broker", now=1), text, None) == Caller("load", "broker")


def test_no_token_is_a_trader_by_itself() -> None:
    """A trader is somebody: without an identity it could trade as no one, or as whoever has its token's name."""
    with pytest.raises(ValueError, match="acts as one identity"):
        stored(new_text(), "bob", "trader", now=1)


def test_a_token_of_an_identity_shows_the_identity_as_it_is() -> None:
    """Its role is the one that the identity has when the token is shown."""
    text = new_text()
    token = stored_for(BOB, text, "laptop", now=1)
    assert caller(token, text, BOB) == Caller("bob", "trader")
    assert caller(token, text, msgspec.structs.replace(BOB, role="broker")) == Caller("bob", "broker")


def test_a_token_ends_with_its_identity() -> None:
    """It is good for nobody once the identity is removed, nor when another of the same name has come."""
    text = new_text()
    token = stored_for(BOB, text, "laptop", now=1)
    for now in (None, msgspec.structs.replace(BOB, removed=2_000), msgspec.structs.replace(BOB, created=3_000)):
        assert caller(token, text, now) is None


def test_the_whole_text_counts() -> None:
    """A text with the id of a token and another secret shows nobody; a revoked token neither."""
    text = new_text()
    token = stored(text, "load", "broker", now=1)
    assert caller(token, text[:-1] + ("A" if text[-1] != "A" else "B"), None) is None
    assert caller(msgspec.structs.replace(token, revoked=2), text, None) is None


def test_a_session_is_its_identitys_until_the_password_is_another() -> None:
    """As long as somebody stays signed in; the password it began with is told by the moment at which that was set."""
    text = new_text()
    session = session_for(BOB, text, now=5_000)
    assert (session.session, session.role, session.expires) == (True, None, 5_000 + SESSION_MS)
    assert caller(session, text, BOB) == Caller("bob", "trader")
    for changed in (999, 1_001, 9_000):
        assert caller(session, text, msgspec.structs.replace(BOB, changed=changed)) is None
    for now in (None, msgspec.structs.replace(BOB, removed=2_000), msgspec.structs.replace(BOB, created=3_000)):
        assert caller(session, text, now) is None
    assert caller(stored_for(BOB, text, "laptop", now=1), text, msgspec.structs.replace(BOB, changed=9_000)) is not None
