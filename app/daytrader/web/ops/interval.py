"""What happened between two looks at the services' metrics: pure, and intervals in a row add up."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from daytrader.web.ops.reading import WANTED, Key, Snapshot, Source


class Interval(msgspec.Struct, frozen=True):
    """From `since` to `until` (ms since the epoch), over all services together.

    `counts` is by how much each count grew, those that did not grow left out (of a histogram, all buckets or none);
    `levels` is how all else stood at the end.
    """

    since: int
    until: int
    counts: Mapping[Key, float]
    levels: Mapping[Key, float]

    @property
    def seconds(self) -> float:
        """How long it was."""
        return max(0.001, (self.until - self.since) / 1000)


def between(before: Snapshot, after: Snapshot) -> Interval:
    """Return what happened from `before` to `after`.

    A count that is smaller than before belongs to a service that was started anew, and grew from 0. What a service
    counted that was not seen before is not known to be of this interval, and is left out.
    """
    known = {(source.role, source.name): source for source in before.sources if not source.error}
    counts: dict[Key, float] = {}
    for source in after.sources:
        earlier = known.get((source.role, source.name))
        if earlier is not None:
            _add_growth(counts, earlier, source)
    return Interval(before.at, after.at, counts, levels_of(after.sources))


def _add_growth(counts: dict[Key, float], before: Source, after: Source) -> None:
    for key in after.reading:
        wanted = WANTED[key[0]]
        if wanted.kind != "count":
            continue
        # A bucket into which nothing fell still tells a bound of those beside it.
        told_by = (*key[:-1], "+Inf") if wanted.labels[-1:] == ("le",) else key
        if _growth(told_by, before, after):
            counts[key] = counts.get(key, 0.0) + _growth(key, before, after)


def _growth(key: Key, before: Source, after: Source) -> float:
    earlier, value = before.reading.get(key, 0.0), after.reading.get(key, 0.0)
    return value - earlier if value >= earlier else value


def levels_of(sources: Iterable[Source]) -> dict[Key, float]:
    """Return how the levels stand over all `sources`."""
    levels: dict[Key, float] = {}
    for source in sources:
        for key, value in source.reading.items():
            kind = WANTED[key[0]].kind
            if kind == "count":
                continue
            if key not in levels:
                levels[key] = value
            elif kind == "sum":
                levels[key] += value
            else:
                levels[key] = max(levels[key], value) if kind == "largest" else min(levels[key], value)
    return levels


def together(intervals: Sequence[Interval]) -> Interval:
    """Return the intervals, which must be one at least and in the order of time, as one."""
    counts: dict[Key, float] = {}
    for interval in intervals:
        for key, growth in interval.counts.items():
            counts[key] = counts.get(key, 0.0) + growth
    return Interval(intervals[0].since, intervals[-1].until, counts, intervals[-1].levels)
