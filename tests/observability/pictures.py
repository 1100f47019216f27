"""A dashboard drawn from samples: every panel where Grafana would put it."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from tests.observability.dashboards import Dashboard, Panel
from tests.observability.samples import Series

Found = Mapping[tuple[int, str], Sequence[Series]]
"""What was found, by panel's id and query's letter."""

WIDTH: Final = 20.0
ROW_HEIGHT: Final = 0.36
"""Inches of a dashboard, and of one unit of its grid."""

LEGENDS: Final = 8
"""More series than this get no legend: it would hide the panel."""

_LABEL: Final = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def draw(dashboard: Dashboard, found: Found, file: Path) -> None:
    """Draw the dashboard into a PNG file; its directory is made."""
    mpl.use("Agg")
    height = max(panel.place.y + panel.place.h for panel in dashboard.panels)
    figure = plt.figure(figsize=(WIDTH, (height + 2) * ROW_HEIGHT))
    figure.suptitle(dashboard.title, fontsize=16, y=1 - 0.5 / (height + 2))
    for panel in dashboard.panels:
        _panel(figure, panel, found, height)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=80)
    plt.close(figure)


def _panel(figure: Figure, panel: Panel, found: Found, height: int) -> None:
    place, rows = panel.place, height + 2
    bottom = 1 - (place.y + place.h + 2) / rows
    if panel.type == "row":
        figure.text(0.01, bottom + 0.2 / rows, panel.title, fontsize=13, weight="bold")
        return
    left, width = place.x / 24, place.w / 24
    inner = (left + 0.035, bottom + 1.2 / rows, width - 0.045, (place.h - 2.6) / rows)
    axes = figure.add_axes(inner)
    axes.set_title(f"{panel.title} [{panel.unit}]", fontsize=9, loc="left")
    axes.tick_params(labelsize=7)
    series = [
        (_legend(target.legend, each.labels) or target.ref, each)
        for target in panel.targets
        for each in found.get((panel.id, target.ref), ())
    ]
    if not series:
        axes.text(0.5, 0.5, "no data", ha="center", va="center", transform=axes.transAxes)
    elif panel.type == "stat":
        _numbers(axes, series)
    elif panel.type == "heatmap":
        _heatmap(axes, series)
    else:
        _lines(axes, series, steps=panel.type == "state-timeline")


def _lines(axes: Axes, series: Sequence[tuple[str, Series]], *, steps: bool) -> None:
    for name, each in series:
        axes.plot(each.times, each.values, label=name, linewidth=1.1, drawstyle="steps-post" if steps else None)
    axes.set_ylim(bottom=0)
    axes.grid(visible=True, alpha=0.3)
    _clock(axes)
    if len(series) <= LEGENDS:
        axes.legend(fontsize=6, loc="upper left", framealpha=0.6)


def _numbers(axes: Axes, series: Sequence[tuple[str, Series]]) -> None:
    axes.set_axis_off()
    text = "\n".join(f"{name}: {each.values[-1]:,.4g}" for name, each in series)
    axes.text(
        0.5, 0.5, text, ha="center", va="center", fontsize=14 if len(series) == 1 else 8, transform=axes.transAxes
    )


def _heatmap(axes: Axes, series: Sequence[tuple[str, Series]]) -> None:
    buckets = sorted(series, key=lambda each: float(each[0]))
    times = sorted({time for _, each in buckets for time in each.times})
    below = np.zeros(len(times))
    counts = []
    for _, each in buckets:
        known = dict(zip(each.times, each.values, strict=True))
        upto = np.array([known.get(time, 0.0) for time in times])
        counts.append(np.maximum(upto - below, 0))
        below = upto
    edges = np.arange(len(counts) + 1)
    ends = [*times, times[-1] + (times[-1] - times[0]) / max(1, len(times) - 1) + 1e-3]
    axes.pcolormesh(ends, edges, np.sqrt(np.array(counts)), cmap="Oranges")
    axes.set_yticks(edges[1:], [name for name, _ in buckets], fontsize=6)
    _clock(axes)


def _clock(axes: Axes) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda time, _: f"{datetime.fromtimestamp(time, UTC):%H:%M:%S}"))


def _legend(template: str, labels: Mapping[str, str]) -> str:
    return _LABEL.sub(lambda found: labels.get(found[1], ""), template)
