"""Plots."""

import xml.etree.ElementTree as ET

import pytest

from daytrader.web.ops.plot import Line, Plot, nice_top, plot

SPAN = 600_000


def _drawn(times: list[int], *lines: Line) -> tuple[Plot, ET.Element]:
    made = plot("p", "Commands <a second>", "a second", times, lines, SPAN)
    return made, ET.fromstring(str(made.svg))  # noqa: S314 - our own


def test_a_line_goes_from_left_to_right_up_to_now() -> None:
    """The newest point is at the right edge, the highest below the top, and the picture is well-formed."""
    _, svg = _drawn([0, 300_000, 600_000], Line("acknowledged", [0.0, None, 80.0]))
    path = next(element for element in svg.iter("path") if element.get("class") == "line")
    drawn = path.get("d")
    assert drawn is not None
    assert drawn.startswith("M44.0 128.0")
    assert "M332.0 33.6" in drawn


def test_it_says_in_words_what_it_shows() -> None:
    """Title and description name each line with its newest and highest value, and what is in them is escaped."""
    made, svg = _drawn([0, 5_000, 10_000], Line("acknowledged", [10.0, 30.0, 20.0]), Line("failed", [None, None, None]))
    assert svg.findtext("title") == "Commands <a second>"
    assert svg.findtext("desc") == (
        "acknowledged: 20 a second at the end, at most 30 in the last ten minutes; "
        "failed: nothing was measured in the last ten minutes"
    )
    assert [(line.name, line.kind, line.newest) for line in made.lines] == [
        ("acknowledged", "line", 20.0),
        ("failed", "line second", None),
    ]


def test_nothing_at_all_is_an_empty_plot() -> None:
    """Before the first point there are axes."""
    _, svg = _drawn([], Line("acknowledged", []))
    assert [element.text for element in svg.iter("text")] == ["0", "0.5", "1", "10 min ago", "5 min ago", "now"]


def test_no_style_stands_in_it() -> None:
    """The policy of the pages allows none: classes alone."""
    made, _ = _drawn([0, 5_000], Line("a", [1.0, 2.0]))
    assert "style=" not in made.svg


@pytest.mark.parametrize(
    ("value", "top"), [(0, 1), (0.03, 0.05), (1, 1), (7, 10), (10, 10), (11, 20), (230, 250), (4_100, 5_000)]
)
def test_an_axis_ends_at_a_round_number(value: float, top: float) -> None:
    """Not below what it has to reach."""
    assert nice_top(value) == pytest.approx(top)
