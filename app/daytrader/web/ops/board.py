"""What the operations page shows, made of what the recorder knows."""

from collections.abc import Sequence
from typing import Final

from daytrader.health import Part
from daytrader.web.ops.breaking import Breakage, Deed
from daytrader.web.ops.figures import Figures, PartitionHeads
from daytrader.web.ops.plot import Line, Plot, plot
from daytrader.web.ops.reading import Snapshot
from daytrader.web.ops.recorder import KEPT_MS, MINUTE_MS, Recorder
from daytrader.web.ops.survival import Survival, survival_of

LAYOUT: Final = (
    ("troubles",),
    ("now",),
    ("plots",),
    ("commands", "partitions"),
    ("parts", "quotes", "builds"),
    ("break",),
)
"""The fragments in the page's order, those of a column together."""

FRAGMENTS: Final = tuple(name for place in LAYOUT for name in place)
"""Each is the template ops/NAME.html and the element ops-NAME."""


class Board:
    """Everything that the templates ask for."""

    def __init__(
        self,
        recorder: Recorder,
        offers: Sequence[Breakage] | None = None,
        deeds: Sequence[Deed] = (),
        why_not: str = "",
    ) -> None:
        """`offers` is what can be broken, None: nothing ever; `why_not` is why that is not known at present."""
        self.troubles = recorder.troubles()
        self.parts: Sequence[Part] = sorted(recorder.parts, key=lambda part: (part.ok, _group_of(part)))
        self.now = recorder.now()
        self.minute = recorder.last(MINUTE_MS)
        self.ten_minutes = recorder.last(KEPT_MS)
        self.newest = recorder.newest
        self.plots = plots_of(recorder.points())
        self.offers = offers
        self.why_not = why_not
        self.partitions: Sequence[PartitionHeads] = recorder.heads()
        self.survivals: Sequence[Survival] = [
            survival_of(deed, 0 if self.newest is None else self.newest.at, self.partitions, recorder.since(deed.at))
            for deed in deeds
        ]

    @property
    def groups(self) -> dict[str, list[Breakage]]:
        """What can be broken, by what it stands under."""
        groups: dict[str, list[Breakage]] = {}
        for offer in self.offers or ():
            groups.setdefault(offer.group, []).append(offer)
        return groups

    @property
    def builds(self) -> dict[str, list[str]]:
        """Which build runs where: builds, and the services that run it."""
        return builds_of(self.newest)


def builds_of(snapshot: Snapshot | None) -> dict[str, list[str]]:
    """Return which services run each build."""
    builds: dict[str, list[str]] = {}
    for source in () if snapshot is None else snapshot.sources:
        if source.build:
            builds.setdefault(source.build, []).append(f"{source.role} {source.name}")
    return builds


def _group_of(part: Part) -> tuple[int, str]:
    order = ("web", "transaction", "audit", "data set", "audit set", "redis", "quote")
    found = [place for place, start in enumerate(order) if part.name.startswith(start)]
    return (max(found, default=len(order)), part.name)


def plots_of(points: Sequence[Figures]) -> dict[str, Plot]:
    """Return the plots of the last ten minutes, by their titles."""
    times = [figures.at for figures in points]
    lines: dict[str, tuple[str, list[Line]]] = {
        "Commands a second": (
            "a second",
            [
                Line("acknowledged", [one.tps for one in points]),
                Line("failed or turned away", [_not_done(one) / one.seconds for one in points]),
            ],
        ),
        "Answer time": (
            "ms",
            [Line("p99", [one.p99_ms for one in points]), Line("p50", [one.p50_ms for one in points])],
        ),
        "Batch size": (
            "at a time",
            [
                Line("records an append", [one.records_an_append for one in points]),
                Line("commands a batch of web", [one.commands_a_batch for one in points]),
            ],
        ),
        "Queue": (
            "commands",
            [
                Line("not answered yet", [one.in_web for one in points]),
                Line("at transaction", [one.in_transaction for one in points]),
            ],
        ),
        "Quotes a second": (
            "a second",
            [
                Line("from a cache", [one.quotes.cached / one.seconds for one in points]),
                Line("bought", [one.quotes.hits / one.seconds for one in points]),
                Line("did not come", [one.quotes.by_result.get("unavailable", 0) / one.seconds for one in points]),
            ],
        ),
        "Behind": (
            "ms",
            [
                Line("log", [one.audit_lag_ms for one in points]),
                Line("triggers, p99", [one.trigger_p99_ms for one in points]),
            ],
        ),
    }
    return {
        title: plot(f"plot-{number}", f"{title}, last ten minutes", unit, times, drawn, KEPT_MS)
        for number, (title, (unit, drawn)) in enumerate(lines.items())
    }


def _not_done(figures: Figures) -> float:
    return figures.outcomes["failed"] + figures.outcomes["overload"]
