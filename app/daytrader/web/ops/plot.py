"""Plots of the last ten minutes: SVG made here, in classes of the style sheet, with the same in words beside it."""

from collections.abc import Sequence
from typing import Final

import msgspec
from markupsafe import Markup

from daytrader.web.page.amount import amount

WIDTH: Final = 340
HEIGHT: Final = 150
_LEFT: Final = 44
_RIGHT: Final = 8
_TOP: Final = 10
_BOTTOM: Final = 22
_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
_CLASSES: Final = ("line", "line second", "line third", "line fourth")

GAP_MS: Final = 15_000
"""Where points are further apart, the line has a gap."""


class Line(msgspec.Struct, frozen=True):
    """One line: its name, and its value for each point in time; None where there is none."""

    name: str
    values: Sequence[float | None]


class Drawn(msgspec.Struct, frozen=True):
    """One line as its key shows it: name, class of the style sheet, newest value."""

    name: str
    kind: str
    newest: float | None


class Plot(msgspec.Struct, frozen=True):
    """A drawn plot."""

    svg: Markup
    unit: str
    lines: Sequence[Drawn]


def plot(id: str, title: str, unit: str, times: Sequence[int], lines: Sequence[Line], span_ms: int) -> Plot:  # noqa: A002
    """Draw `lines` over `times` (ms since the epoch), the last of which is the right edge, `span_ms` the width."""
    end = times[-1] if times else span_ms
    top = nice_top(max((value for line in lines for value in line.values if value is not None), default=0.0))
    words = summary_of(unit, lines)
    parts = [_grid(top, span_ms)]
    for line, kind in zip(lines, _CLASSES, strict=False):
        path = _path(times, line.values, end, span_ms, top)
        parts.append(Markup('<path class="{}" d="{}"/>').format(kind, path))
    head = Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-labelledby="{} {}">').format(
        WIDTH, HEIGHT, f"{id}-title", f"{id}-desc"
    )
    names = Markup('<title id="{}-title">{}</title><desc id="{}-desc">{}</desc>').format(id, title, id, words)
    drawn = [
        Drawn(line.name, kind, line.values[-1] if line.values else None)
        for line, kind in zip(lines, _CLASSES, strict=False)
    ]
    return Plot(head + names + Markup("").join(parts) + Markup("</svg>"), unit, drawn)


def nice_top(value: float) -> float:
    """Return the round number at which an axis ends that has to reach `value`."""
    if value <= 0:
        return 1.0
    power = 1.0
    while power * 10 < value:
        power *= 10
    while power >= value:
        power /= 10
    return next(step * power for step in _STEPS if step * power >= value)


def summary_of(unit: str, lines: Sequence[Line]) -> str:
    """Return each line's newest and highest value in words."""
    return "; ".join(_line_words(unit, line) for line in lines)


def _line_words(unit: str, line: Line) -> str:
    known = [value for value in line.values if value is not None]
    if not known:
        return f"{line.name}: nothing was measured in the last ten minutes"
    return f"{line.name}: {amount(known[-1])} {unit} at the end, at most {amount(max(known))} in the last ten minutes"


def _grid(top: float, span_ms: int) -> Markup:
    rows = []
    for share in (0.0, 0.5, 1.0):
        y = _y(top * share, top)
        kind = "axis" if share == 0 else "grid"
        rows.append(
            Markup('<path class="{}" d="M{} {:.1f}H{}"/><text x="{}" y="{:.1f}" text-anchor="end">{}</text>').format(
                kind, _LEFT, y, WIDTH - _RIGHT, _LEFT - 6, y + 4, _tick(top * share)
            )
        )
    minutes = span_ms // 60_000
    for ago, anchor in ((minutes, "start"), (minutes // 2, "middle"), (0, "end")):
        x = _LEFT + (WIDTH - _LEFT - _RIGHT) * (1 - ago / minutes)
        rows.append(
            Markup('<text x="{:.0f}" y="{}" text-anchor="{}">{}</text>').format(
                x, HEIGHT - 6, anchor, f"{ago} min ago" if ago else "now"
            )
        )
    return Markup("").join(rows)


def _tick(value: float) -> str:
    if value >= 1_000_000:
        return f"{value / 1_000_000:g}M"
    return f"{value / 1_000:g}k" if value >= 10_000 else f"{value:,g}"


def _y(value: float, top: float) -> float:
    return _TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - value / top)


def _path(times: Sequence[int], values: Sequence[float | None], end: int, span_ms: int, top: float) -> str:
    path: list[str] = []
    before: int | None = None
    for at, value in zip(times, values, strict=True):
        if value is None or at < end - span_ms:
            continue
        x = _LEFT + (WIDTH - _LEFT - _RIGHT) * (1 - (end - at) / span_ms)
        y = _y(min(value, top), top)
        joined = before is not None and at - before <= GAP_MS
        path.append(f"{'L' if joined else 'M'}{x:.1f} {y:.1f}" + ("" if joined else "h.5"))
        before = at
    return "".join(path)
