"""When passes are made."""

import asyncio
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace

import httpx2
import msgspec
import pytest
import structlog
from lightkube import ApiError

import daytrader_operator.keeping as keeping_module
from daytrader_operator.keeping import Keeping, Outlook, Pace
from daytrader_operator.kubernetes import KubernetesError
from daytrader_operator.observe import BrokenSecret

NEVER = 1000.0


class Passes:
    """Passes that are counted, with outcomes as told."""

    def __init__(self) -> None:
        self.outcomes: list[Outlook | Exception] = []
        self.made = 0
        self.told: list[str] = []
        self.closed = False
        self.heard = asyncio.Event()
        self._more = asyncio.Event()

    async def once(self) -> Outlook:
        """Make the next one."""
        self.made += 1
        self._more.set()
        outcome = self.outcomes.pop(0) if self.outcomes else Outlook.SETTLED
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def tell_failure(self, why: str) -> None:
        """Remember it."""
        self.told.append(why)
        self.heard.set()

    async def close(self) -> None:
        """Remember it."""
        self.closed = True

    async def until(self, made: int) -> None:
        """Wait until so many were made."""
        async with asyncio.timeout(10):
            while self.made < made:
                self._more.clear()
                await self._more.wait()


Keep = Callable[..., Keeping]


@pytest.fixture
async def passes() -> Passes:
    """The passes of any set."""
    return Passes()


@pytest.fixture
async def keep(passes: Passes) -> AsyncIterator[Keep]:
    """Makes a Keeping whose waits are as given, and endless else."""
    made: list[Keeping] = []

    def make(**waits: float) -> Keeping:
        backoff = (waits.pop("failed", NEVER),)
        pace = {"acted": NEVER, "waiting": NEVER, "settled": NEVER, "least": 0.0, **waits}
        made.append(Keeping(lambda _: passes, Pace(backoff=backoff, **pace)))
        return made[0]

    with structlog.testing.capture_logs():
        yield make
    await made[0].close()


@pytest.mark.parametrize(
    ("outlook", "wait"), [(Outlook.ACTED, "acted"), (Outlook.WAITING, "waiting"), (Outlook.SETTLED, "settled")]
)
async def test_the_next_pass_follows_the_outlook(passes: Passes, keep: Keep, outlook: Outlook, wait: str) -> None:
    """Soon after a step, less soon while others are at work, seldom when all is settled."""
    passes.outcomes = [outlook, outlook]
    keep(**{wait: 0.001}).wake("set")
    await passes.until(3)


async def test_what_happens_wakes(passes: Passes, keep: Keep) -> None:
    """An event makes the next pass begin at once; a set that is not kept is not begun by events of its parts."""
    keeping = keep()
    keeping.wake_kept("set")
    assert keeping.ages() == {}
    keeping.wake("set")
    await passes.until(1)
    keeping.wake_kept("set")
    await passes.until(2)


async def test_a_failure_is_told_once(passes: Passes, keep: Keep) -> None:
    """The same cause again and again is told once; another one is told; passes go on."""
    passes.outcomes = [ValueError("one"), ValueError("one"), ValueError("two"), Outlook.SETTLED]
    keep(failed=0.001).wake("set")
    await passes.until(4)
    assert passes.told == ["ValueError: one", "ValueError: two"]


async def test_a_failure_that_cannot_be_told_ends_nothing(passes: Passes, keep: Keep) -> None:
    """Where the API server takes no event either, the passes go on."""

    async def deaf(why: str) -> None:
        raise KubernetesError("record it", httpx2.ReadError("gone"))

    passes.tell_failure = deaf  # type: ignore[method-assign]
    passes.outcomes = [ValueError("one")]
    keep(failed=0.001).wake("set")
    await passes.until(2)


async def test_a_good_pass_is_young(passes: Passes, keep: Keep) -> None:
    """The age of the last good pass is what liveness looks at."""
    keeping = keep()
    keeping.wake("set")
    await passes.until(1)
    assert 0 <= keeping.ages()["set"] < 10


REFUSED = ApiError(response=httpx2.Response(403, json={"message": "no such size", "code": 403}))


@pytest.mark.parametrize(
    ("failure", "counts"),
    [
        (KubernetesError("grow it", REFUSED), True),
        (BrokenSecret("no key"), True),
        (msgspec.ValidationError("no such field"), True),
        (KubernetesError("read it", httpx2.ReadError("gone")), False),
        (TimeoutError(), False),
    ],
)
async def test_a_refusal_is_no_reason_to_start_again(
    passes: Passes, keep: Keep, monkeypatch: pytest.MonkeyPatch, failure: Exception, counts: bool
) -> None:
    """A pass that was refused has ended as well as a good one; one that got no answer has not."""
    now = 0.0
    monkeypatch.setattr(keeping_module, "time", SimpleNamespace(monotonic=lambda: now))
    keeping = keep()
    passes.outcomes = [Outlook.SETTLED, failure]
    keeping.wake("set")
    await passes.until(1)
    now = 100.0
    keeping.wake("set")
    async with asyncio.timeout(10):
        await passes.heard.wait()
    assert keeping.ages() == {"set": 0.0 if counts else 100.0}


async def test_a_set_that_is_gone_is_forgotten(passes: Passes, keep: Keep) -> None:
    """Its task ends and its connections are given back."""
    keeping = keep()
    keeping.wake("set")
    await passes.until(1)
    await keeping.forget("set")
    await keeping.forget("never kept")
    assert passes.closed
    assert keeping.ages() == {}
