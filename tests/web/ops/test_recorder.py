"""Ten minutes of an installation."""

import asyncio
from collections.abc import Sequence

from daytrader.health import Part
from daytrader.web.ops.reading import Snapshot
from daytrader.web.ops.recorder import Recorder
from tests.web.ops.build import START, sample, snapshot, source


class Services:
    """Services that have answered so many commands, at a time that the test turns."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.answered = 0.0
        self.closed = False

    async def scrape(self) -> Snapshot:
        """Say so."""
        accepted = sample("daytrader_commands_total", self.answered, command="ADD", outcome="accepted")
        triggers = sample("daytrader_trigger_delay_seconds_bucket", self.seconds, le="+Inf")
        return snapshot(self.seconds, source(accepted), source(triggers, role="transaction"))

    async def close(self) -> None:
        """Note it."""
        self.closed = True


class Parts:
    """Parts that say what the test wants."""

    def __init__(self) -> None:
        self.said: Sequence[Part] | Exception = [Part("web", True, "well")]

    async def parts(self) -> list[Part]:
        """Say so."""
        if isinstance(self.said, Exception):
            raise self.said
        return list(self.said)


async def _recorded(looks: int, a_second: float = 10.0) -> tuple[Recorder, Services, Parts]:
    services, parts = Services(), Parts()
    recorder = Recorder(services, parts)
    for _ in range(looks):
        await recorder.record()
        services.seconds += 5
        services.answered += 5 * a_second
    return recorder, services, parts


async def test_the_first_look_tells_nothing_yet() -> None:
    """Rates need two."""
    recorder, _, _ = await _recorded(1)
    assert recorder.newest is not None
    assert (recorder.now(), recorder.last(60_000), recorder.points()) == (None, None, ())


async def test_every_look_is_a_point() -> None:
    """What happened since the one before, and the last minute as a whole."""
    recorder, services, _ = await _recorded(13)
    services.answered += 50
    await recorder.record()
    now, minute = recorder.now(), recorder.last(60_000)
    assert now is not None
    assert minute is not None
    assert (now.tps, len(recorder.points())) == (20, 13)
    assert (minute.seconds, minute.acknowledged) == (60, 11 * 50 + 100)


async def test_ten_minutes_are_kept_and_no_more() -> None:
    """An hour later there are still 120 points and a few."""
    recorder, services, _ = await _recorded(720)
    points = recorder.points()
    assert 120 <= len(points) <= 121
    assert points[-1].at == START + round((services.seconds - 5) * 1000)
    assert points[0].at >= points[-1].at - 600_000


async def test_since_a_moment_is_what_came_wholly_after_it() -> None:
    """An interval that began before is left out, for part of it was before."""
    recorder, _, _ = await _recorded(5)
    since = recorder.since(START + 7_000)
    assert since is not None
    assert (since.seconds, since.acknowledged) == (10, 100)
    assert recorder.since(START + 60_000) is None


async def test_what_is_new_is_told_to_who_waits() -> None:
    """What is not well is a trouble until it is well again; whoever waits is told at each look, and of none twice."""
    recorder, _, parts = await _recorded(1)
    look = await recorder.newer(-1)
    waits = asyncio.ensure_future(recorder.newer(look))
    await asyncio.sleep(0)
    assert not waits.done()
    parts.said = [Part("redis", False, "is silent")]
    await recorder.look()
    assert await waits == look + 1
    assert [trouble.part for trouble in recorder.troubles()] == ["redis"]
    parts.said = [Part("redis", True, "shares quotes")]
    await recorder.look()
    assert await recorder.newer(look) == look + 2
    assert recorder.troubles() == []


async def test_parts_are_looked_at_while_somebody_watches() -> None:
    """Who watches twice has to go twice."""
    recorder, _, _ = await _recorded(1)
    for watched in (recorder.watch, recorder.watch, recorder.unwatch):
        watched()
        assert recorder.watched
    recorder.unwatch()
    assert not recorder.watched


async def test_parts_that_cannot_be_looked_at_are_a_trouble() -> None:
    """The page goes on, and says so."""
    recorder, _, parts = await _recorded(1)
    parts.said = RuntimeError("a defect")
    await recorder.look()
    (trouble,) = recorder.troubles()
    assert "RuntimeError('a defect')" in trouble.says


async def test_connections_are_let_go_of() -> None:
    """Closing it closes what asks."""
    recorder, services, _ = await _recorded(1)
    await recorder.close()
    assert services.closed
