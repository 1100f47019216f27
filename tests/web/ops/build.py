"""Snapshots and intervals for tests, from a few numbers."""

from collections.abc import Mapping

from prometheus_client.samples import Sample

from daytrader.web.ops.figures import Figures, figures_of
from daytrader.web.ops.interval import Interval, between
from daytrader.web.ops.reading import Key, Snapshot, Source, source_of
from daytrader.web.ops.targets import Role

START = 1_700_000_000_000


def sample(name: str, value: float, **labels: str) -> Sample:
    """A sample of a service's metrics."""
    return Sample(name, labels, value)


def source(*samples: Sample, role: Role = "web", name: str = "one:9100") -> Source:
    """What a service said."""
    return source_of(role, name, samples)


def snapshot(seconds: float, *sources: Source) -> Snapshot:
    """What services said, so many seconds after START."""
    return Snapshot(START + round(seconds * 1000), sources)


def interval(*samples: Sample, role: Role = "web", seconds: float = 10.0, before: tuple[Sample, ...] = ()) -> Interval:
    """An interval in which one service came from `before` to `samples`."""
    return between(snapshot(0, source(*before, role=role)), snapshot(seconds, source(*samples, role=role)))


def figures(
    counts: Mapping[Key, float] | None = None, levels: Mapping[Key, float] | None = None, seconds: float = 60.0
) -> Figures:
    """The figures of a minute in which just this happened."""
    return figures_of(Interval(START, START + round(seconds * 1000), counts or {}, levels or {}))
