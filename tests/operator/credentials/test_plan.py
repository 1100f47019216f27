"""The rotation of the internal token, step by step."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from daytrader_operator.credentials.plan import (
    PHASE,
    ROTATE,
    ROTATED,
    ROTATING,
    SINCE,
    WAIT,
    Change,
    next_change,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Secret:
    """A Secret that changes are carried out on."""

    def __init__(self, *tokens: str, **annotations: str) -> None:
        self.tokens = list(tokens)
        self.annotations = {f"daytrader.dev/{name}": text for name, text in annotations.items()}
        self.now = NOW
        self.made = 0

    def step(self) -> Change | None:
        """Let an operator look at it now, which may be another one than the last time."""
        self.made += 1
        change = next_change(self.tokens, self.annotations, new_token=f"new{self.made}", now=self.now)
        if change is not None:
            self.tokens = list(change.tokens)
            for name, text in change.annotations.items():
                if text is None:
                    self.annotations.pop(name, None)
                else:
                    self.annotations[name] = text
        return change

    def wait(self, time: timedelta = WAIT) -> None:
        """Time passes."""
        self.now += time


def test_nothing_is_done_unasked() -> None:
    """However old the token is."""
    secret = Secret("old")
    secret.wait(timedelta(days=999))
    assert secret.step() is None


def test_a_rotation_adds_then_prefers_then_drops() -> None:
    """In every phase each token that a pod may still send is accepted by every pod, one phase late or not."""
    secret = Secret("old", rotate="monday")
    assert secret.step() is not None
    assert secret.tokens == ["old", "new1"]
    secret.wait()
    assert secret.step() is not None
    assert secret.tokens == ["new1", "old"]
    secret.wait()
    assert secret.step() is not None
    assert secret.tokens == ["new1"]
    assert secret.annotations == {ROTATE: "monday", ROTATED: "monday"}
    secret.wait()
    assert secret.step() is None


def test_each_phase_lasts_until_every_pod_has_seen_it() -> None:
    """Not a second less."""
    secret = Secret("old", rotate="monday")
    for _ in range(2):
        assert secret.step() is not None
        secret.wait(WAIT - timedelta(seconds=1))
        assert secret.step() is None
        secret.wait(timedelta(seconds=1))
    assert secret.step() is not None


def test_every_step_says_what_it_is() -> None:
    """By an event on the Secret; no token is in it."""
    secret = Secret("old", rotate="monday")
    reasons = []
    for _ in range(3):
        change = secret.step()
        assert change is not None
        reasons.append(change.reason)
        assert not any(token in change.message for token in ("new1", "new2", "new3"))
        secret.wait()
    assert reasons == ["TokenAdded", "TokenSent", "TokenRotated"]


def test_a_second_wish_waits_for_the_first_to_be_done() -> None:
    """Then it is carried out, too."""
    secret = Secret("old", rotate="monday")
    secret.step()
    secret.annotations[ROTATE] = "tuesday"
    for _ in range(2):
        secret.wait()
        assert secret.step() is not None
    assert (secret.tokens, secret.annotations[ROTATED]) == (["new1"], "monday")
    added = secret.step()
    assert added is not None
    assert added.reason == "TokenAdded"
    assert secret.annotations[ROTATING] == "tuesday"


def test_a_wish_that_is_withdrawn_is_still_carried_to_its_end() -> None:
    """Two tokens are never left for good."""
    secret = Secret("old", rotate="monday")
    secret.step()
    del secret.annotations[ROTATE]
    for _ in range(2):
        secret.wait()
        secret.step()
    assert secret.tokens == ["new1"]
    assert secret.annotations == {ROTATED: "monday"}


def test_the_same_wish_again_is_none() -> None:
    """An apply of the same manifest rotates nothing."""
    secret = Secret("old", rotate="monday", rotated="monday")
    assert secret.step() is None


def test_an_empty_secret_gets_a_token() -> None:
    """As one that was made by hand, or emptied."""
    secret = Secret()
    assert secret.step() is not None
    assert secret.tokens == ["new1"]


@pytest.mark.parametrize("since", ["", "yesterday", "2026-01-01T00:00:00"])
def test_a_time_that_is_none_begins_the_wait_anew(since: str) -> None:
    """Nothing is dropped early."""
    secret = Secret("old", "new", **{"rotating": "monday", "rotation-phase": "added", "rotation-since": since})
    assert secret.step() is not None
    assert secret.tokens == ["old", "new"]
    assert secret.annotations[SINCE] == NOW.isoformat()
    assert secret.step() is None


def test_a_phase_that_is_none_begins_anew() -> None:
    """With one more token, so that no pod is left out."""
    secret = Secret("old", "new", **{"rotating": "monday", "rotation-phase": "strange"})
    assert secret.step() is not None
    assert secret.tokens == ["old", "new", "new1"]
    assert secret.annotations[PHASE] == "added"


def test_no_order_of_looking_and_dying_ever_leaves_two_pods_without_a_common_token() -> None:
    """Pods see the Secret as it is or as it was up to 100 s ago; what one sends the other always accepts."""
    for seed in range(300):
        rng = random.Random(seed)
        secret = Secret("old", rotate="monday")
        seen: list[tuple[datetime, tuple[str, ...]]] = [(secret.now, tuple(secret.tokens))]
        while ROTATED not in secret.annotations:
            if rng.random() < 0.7:  # else nobody looks: the operator is dead
                secret.step()
            seen.append((secret.now, tuple(secret.tokens)))
            late = timedelta(seconds=100)
            known = {tokens for time, tokens in seen if secret.now - time <= late} | {
                max((time, number, tokens) for number, (time, tokens) in enumerate(seen) if secret.now - time >= late)[
                    2
                ]
                if any(secret.now - time >= late for time, _ in seen)
                else seen[0][1]
            }
            assert all(sender[0] in receiver for sender in known for receiver in known), (seed, known)
            secret.wait(timedelta(seconds=rng.randrange(1, 120)))
        assert len(secret.tokens) == 1
