"""The guard: who shows a token, how long that is remembered, and what happens where the store is slow or away."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daytrader.auth import guard as module
from daytrader.auth.guard import AWAY, BAD_TOKEN, BUSY, NO_TOKEN, NOT_YOURS, Guard
from daytrader.auth.port import AuthUnavailableError
from daytrader.auth.role import Caller
from daytrader.auth.sqlite import SqliteAuthStore
from daytrader.auth.token import Token, id_of, new_text, session_for, stored, stored_for
from daytrader.internal import Tokens
from tests.auth.conftest import Hand, identity

BROKER = Caller("load", "broker")


class Watched(SqliteAuthStore):
    """A store whose look-ups are counted, and can be held up or made to fail."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.asked: list[str] = []
        self.answers = asyncio.Event()
        self.answers.set()
        self.is_away = False

    async def token(self, token_id: str) -> Token | None:
        """Look it up when the test lets it."""
        self.asked.append(token_id)
        await self.answers.wait()
        if self.is_away:
            raise AuthUnavailableError("away, says the test")
        return await super().token(token_id)


class Seconds:
    """A stop watch that the test turns."""

    now = 0.0

    def __call__(self) -> float:
        """Return what it shows."""
        return self.now


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    """An open, empty store."""
    store = Watched(tmp_path / "watched.sqlite")
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def seconds() -> Seconds:
    """A stop watch that the test turns."""
    return Seconds()


@pytest.fixture
async def guard(watched: Watched, clock: Hand, seconds: Seconds) -> AsyncIterator[Guard]:
    """A guard by these clocks, in an installation with an internal credential."""
    guard = Guard(watched, clock, Tokens("internal"), seconds=seconds)
    yield guard
    watched.answers.set()
    await guard.close()


async def made(store: Watched, role: str = "broker", *, expires: int = 0) -> tuple[bytes, str]:
    """Store a token, and return the header that shows it and its id."""
    text = new_text()
    await store.add_token(stored(text, "load", "admin" if role == "admin" else "broker", now=1, expires=expires))
    return f"Bearer {text}".encode(), id_of(text)


async def settled(guard: Guard) -> None:
    """Let the look-ups that go on beside the requests end."""
    while guard._looking:
        await asyncio.wait(set(guard._looking.values()))
        await asyncio.sleep(0)


async def test_a_good_token_shows_who_it_is(guard: Guard, watched: Watched) -> None:
    """The store is asked once, and what it says is remembered; the scheme may be written in any case."""
    shown, token_id = await made(watched)
    for _ in range(100):
        assert await guard.caller(shown) == BROKER
    assert watched.asked == [token_id]
    assert await guard.caller(b"bEARER  " + shown[7:]) == BROKER


async def test_a_token_of_an_identity(guard: Guard, watched: Watched, seconds: Seconds) -> None:
    """It shows the identity, and is good no more than 5 s after the identity was removed."""
    await watched.add(identity("bob"))
    text = new_text()
    await watched.add_token(stored_for(identity("bob"), text, "laptop", now=1))
    shown = f"Bearer {text}".encode()
    assert await guard.caller(shown) == Caller("bob", "trader")
    await watched.remove("bob", 2_000)
    seconds.now += 5
    assert await guard.caller(shown) == BAD_TOKEN


@pytest.mark.parametrize(
    ("shown", "answer"),
    [
        (b"", NO_TOKEN),
        (b"Basic YWRtaW46YWRtaW4=", NO_TOKEN),
        (b"dt_0123456789abcdef_", NO_TOKEN),
        (b"Bearer", BAD_TOKEN),
        (b"Bearer ", BAD_TOKEN),
        (b"Bearer internal", BAD_TOKEN),
        (b"Bearer \xff\x00\xfe", BAD_TOKEN),
        (b"Bearer " + b"x" * 60_000, BAD_TOKEN),
    ],
)
async def test_what_is_no_token_is_not_looked_up(
    guard: Guard, watched: Watched, shown: bytes, answer: module.Denied
) -> None:
    """It is answered 401 at once, and costs the store nothing."""
    assert await guard.caller(shown) == answer
    assert answer.status == 401
    assert watched.asked == []


async def test_an_unknown_token_and_a_wrong_secret_look_alike(guard: Guard, watched: Watched) -> None:
    """The id of a token, which lists show, is good for nothing without its secret; nor does it spoil the token."""
    shown, token_id = await made(watched)
    forged = f"Bearer dt_{token_id}_{'a' * 43}".encode()
    assert await guard.caller(forged) == BAD_TOKEN
    assert await guard.caller(b"Bearer " + new_text().encode()) == BAD_TOKEN
    assert await guard.caller(shown) == BROKER
    assert await guard.caller(forged) == BAD_TOKEN


async def test_a_revocation_takes_effect_within_seconds(guard: Guard, watched: Watched, seconds: Seconds) -> None:
    """A token in use is looked up again after 2 s, beside the request, and the next one is refused."""
    shown, token_id = await made(watched)
    await guard.caller(shown)
    await watched.revoke(token_id, 5)
    seconds.now += 1.9
    assert await guard.caller(shown) == BROKER
    seconds.now += 0.1
    assert await guard.caller(shown) == BROKER
    await settled(guard)
    assert await guard.caller(shown) == BAD_TOKEN


async def test_after_five_seconds_nothing_goes_on_unasked(guard: Guard, watched: Watched, seconds: Seconds) -> None:
    """A token that nobody showed for a while is looked up before its next request is answered."""
    shown, token_id = await made(watched)
    await guard.caller(shown)
    await watched.revoke(token_id, 5)
    seconds.now += 5
    assert await guard.caller(shown) == BAD_TOKEN


async def test_a_token_expires_at_its_moment(guard: Guard, watched: Watched, clock: Hand) -> None:
    """By the clock, whatever is remembered."""
    shown, _ = await made(watched, expires=clock.now + 1_000)
    clock.now += 999
    assert await guard.caller(shown) == BROKER
    clock.now += 1
    assert await guard.caller(shown) == BAD_TOKEN
    assert len(watched.asked) == 1


async def test_many_requests_at_once_are_one_look_up(guard: Guard, watched: Watched) -> None:
    """A thousand connections that open together ask for their token once, and one that goes away spoils nothing."""
    shown, _ = await made(watched)
    watched.answers.clear()
    asking = [asyncio.create_task(guard.caller(shown)) for _ in range(1_000)]
    await asyncio.sleep(0)
    asking[0].cancel()
    await asyncio.wait(asking[:1])
    watched.answers.set()
    assert await asyncio.gather(*asking[1:]) == [BROKER] * 999
    assert len(watched.asked) == 1


async def test_random_tokens_do_not_crowd_out_others(guard: Guard, watched: Watched, seconds: Seconds) -> None:
    """So many look-ups at a time, and so many that wait, then 429; a token that is known is looked up at once."""
    shown, token_id = await made(watched)
    await guard.caller(shown)
    watched.answers.clear()
    random = [asyncio.create_task(guard.caller(b"Bearer " + new_text().encode())) for _ in range(module.MOST_LOOK_UPS)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(watched.asked) == 1 + module.LOOK_UPS_AT_ONCE
    assert await guard.caller(b"Bearer " + new_text().encode()) == BUSY
    seconds.now += 2
    assert await guard.caller(shown) == BROKER
    await asyncio.sleep(0)
    assert watched.asked[-1] == token_id
    watched.answers.set()
    assert await asyncio.gather(*random) == [BAD_TOKEN] * module.MOST_LOOK_UPS
    await settled(guard)


async def test_an_election_stops_nobody(guard: Guard, watched: Watched, seconds: Seconds) -> None:
    """Where the store is away, a token that was good stays so for a minute, and an unknown one is answered 503."""
    shown, token_id = await made(watched)
    await guard.caller(shown)
    watched.is_away = True
    assert await guard.caller((await made(watched))[0]) == AWAY
    for _ in range(11):
        seconds.now += 5
        assert await guard.caller(shown) == BROKER
        await settled(guard)
    seconds.now += 5
    assert await guard.caller(shown) == AWAY
    await settled(guard)
    watched.is_away = False
    await watched.revoke(token_id, 5)
    await guard.caller(shown)
    await settled(guard)
    assert await guard.caller(shown) == BAD_TOKEN


async def test_a_silent_store_is_waited_for_once(
    guard: Guard, watched: Watched, seconds: Seconds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first request waits a moment for it, those that follow go on at once until it answers."""
    shown, _ = await made(watched)
    await guard.caller(shown)
    watched.answers.clear()
    seconds.now += 5
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    assert await guard.caller(shown) == BROKER
    monkeypatch.setattr(module, "PATIENCE", 3_600)
    async with asyncio.timeout(10):
        for _ in range(100):
            assert await guard.caller(shown) == BROKER
    assert len(watched.asked) == 2


async def test_a_store_that_is_back_is_believed_again(
    guard: Guard, watched: Watched, seconds: Seconds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a spell without the store a revocation takes effect as soon as ever, and a good token is asked for anew."""
    shown, token_id = await made(watched)
    other, _ = await made(watched)
    for one in (shown, other):
        await guard.caller(one)
    watched.is_away = True
    seconds.now += 6
    for one in (shown, other):
        assert await guard.caller(one) == BROKER
    await settled(guard)
    watched.is_away = False
    await watched.revoke(token_id, 5)
    seconds.now += 6
    assert await guard.caller(shown) == BAD_TOKEN
    seconds.now += 4_000
    assert await guard.caller(other) == BROKER


async def test_a_token_is_remembered_once_however_it_is_shown(guard: Guard, watched: Watched) -> None:
    """Blanks and the case of the scheme make no other token of it, which would push those of others out."""
    shown, token_id = await made(watched)
    for variant in (shown, shown.replace(b"Bearer", b"bEARER"), shown.replace(b" ", b"   "), shown + b" "):
        assert await guard.caller(variant) == BROKER
    assert watched.asked == [token_id]
    assert (await guard.caller(shown.replace(b"Bearer", b"Basic"))) == NO_TOKEN


async def test_what_is_remembered_is_bounded(guard: Guard, watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token looked up longest ago is forgotten, which costs it a look-up and nothing else."""
    monkeypatch.setattr(module, "MOST_REMEMBERED", 2)
    tokens = [await made(watched) for _ in range(3)]
    for shown, _ in tokens:
        assert await guard.caller(shown) == BROKER
    for shown, _ in (*tokens[1:], tokens[0]):
        assert await guard.caller(shown) == BROKER
    assert watched.asked == [tokens[number][1] for number in (0, 1, 2, 0)]


async def test_who_is_an_admin(guard: Guard, watched: Watched) -> None:
    """An admin's token, and the installation's own credential; which is no token for anything else."""
    assert await guard.admin((await made(watched, "admin"))[0]) == Caller("load", "admin")
    assert await guard.admin((await made(watched))[0]) == NOT_YOURS
    assert await guard.admin(b"") == NO_TOKEN
    assert await guard.admin(b"Bearer internal") == Caller("installation", "admin")
    assert await guard.admin(b"Bearer another") == BAD_TOKEN
    assert await guard.caller(b"Bearer internal") == BAD_TOKEN


async def test_a_session_is_no_bearer_token_and_a_bearer_token_no_session(
    guard: Guard, watched: Watched, clock: Hand
) -> None:
    """Whichever way it is shown first; and each is remembered."""
    await watched.add(identity("bob"))
    session, token = new_text(), new_text()
    await watched.add_token(session_for(identity("bob"), session, now=clock.now))
    await watched.add_token(stored_for(identity("bob"), token, "laptop", now=1))
    for _ in range(2):
        assert await guard.caller(f"Bearer {session}".encode()) == BAD_TOKEN
        assert await guard.session(session.encode()) == Caller("bob", "trader")
        assert await guard.session(token.encode()) == BAD_TOKEN
        assert await guard.caller(f"Bearer {token}".encode()) == Caller("bob", "trader")
    assert watched.asked == [id_of(session), id_of(token)]


async def test_what_this_replica_ends_it_forgets_at_once(guard: Guard, watched: Watched, clock: Hand) -> None:
    """Everything of that name is looked up again, nothing else."""
    shown, _ = await made(watched)
    await watched.add(identity("bob"))
    session = new_text()
    kept = session_for(identity("bob"), session, now=clock.now)
    await watched.add_token(kept)
    assert await guard.session(session.encode()) == Caller("bob", "trader")
    assert await guard.caller(shown) == BROKER
    await watched.revoke(kept.id, 2)
    guard.forget("bob")
    assert await guard.session(session.encode()) == BAD_TOKEN
    assert await guard.caller(shown) == BROKER
    assert watched.asked == [kept.id, id_of(shown[7:].decode()), kept.id]
