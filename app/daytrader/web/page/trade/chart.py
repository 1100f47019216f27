"""Charts of money over time, drawn as SVG: a line in steps, with a title and a description in words."""

from collections.abc import Sequence
from typing import Final

import msgspec
from markupsafe import Markup

from daytrader.web.page.grouped import grouped

WIDTH: Final = 640
HEIGHT: Final = 160
_MARGIN: Final = 8
"""Above and below the line, so that it is whole where it is highest."""

Point = tuple[int, int]
"""A time in ms since the epoch, and cents."""


class Chart(msgspec.Struct, frozen=True):
    """A chart, with the ends of its axes, which are written beside it so that they can be read at each width."""

    svg: Markup
    begins: int
    """Ms since the epoch, as the next one."""
    ends: int
    lowest: int
    """Cents, as the next ones."""
    highest: int
    last: int
    words: str
    """The same in words."""


def chart(identifier: str, title: str, points: Sequence[Point]) -> Chart | None:
    """Return the chart of `points`, the oldest first; None where fewer than two say nothing of how it went.

    `identifier` is unique on the page.
    """
    if len(points) < 2:
        return None
    cents = [value for _, value in points]
    lowest, highest = min(cents), max(cents)
    words = _words(cents[0], cents[-1], lowest, highest)
    line = _line(points, lowest, highest)
    svg = Markup(
        '<svg class="chart" viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img" '
        'aria-labelledby="{id}-title {id}-desc"><title id="{id}-title">{title}</title>'
        '<desc id="{id}-desc">{words}</desc>'
        '<path class="area" d="{line} V{height} H0 Z"/><path class="line" d="{line}"/></svg>'
    ).format(width=WIDTH, height=HEIGHT, id=identifier, title=title, words=words, line=line)
    return Chart(svg, points[0][0], points[-1][0], lowest, highest, cents[-1], words)


def _words(first: int, last: int, lowest: int, highest: int) -> str:
    if lowest == highest:
        return f"It stayed at {grouped(last)}."
    went = "rose" if last > first else "fell" if last < first else "came back"
    return (
        f"It {went} from {grouped(first)} to {grouped(last)}; "
        f"the lowest was {grouped(lowest)}, the highest {grouped(highest)}."
    )


def _line(points: Sequence[Point], lowest: int, highest: int) -> str:
    """Return the path through `points`: a value holds until the next one."""
    begins, ends = points[0][0], points[-1][0]
    width, height = max(1, ends - begins), highest - lowest
    parts: list[str] = []
    for time, cents in points:
        x = WIDTH * (time - begins) / width
        share = (cents - lowest) / height if height else 0.5
        y = HEIGHT - _MARGIN - (HEIGHT - 2 * _MARGIN) * share
        parts.append(f"H{x:.1f} V{y:.1f}" if parts else f"M{x:.1f} {y:.1f}")
    return " ".join(parts)
