"""Charts in SVG."""

from lxml import etree

from daytrader.web.page.trade.chart import chart

POINTS = [(0, 1_000), (5_000, 3_000), (10_000, 2_000)]


def test_a_chart_is_svg_with_a_title_and_a_description() -> None:
    """Who does not see the line is told how it went."""
    shown = chart("worth", "What alice has", POINTS)
    assert shown is not None
    svg = etree.fromstring(str(shown.svg))
    assert svg.get("role") == "img"
    assert svg.get("aria-labelledby") == "worth-title worth-desc"
    texts = {child.get("id"): child.text for child in svg if child.get("id")}
    assert texts == {
        "worth-title": "What alice has",
        "worth-desc": "It rose from 10.00 to 20.00; the lowest was 10.00, the highest 30.00.",
    }
    assert (shown.begins, shown.ends, shown.lowest, shown.highest, shown.last) == (0, 10_000, 1_000, 3_000, 2_000)


def test_the_line_holds_a_value_until_the_next_one() -> None:
    """Between two quotes nothing is known, least of all a slope."""
    shown = chart("x", "x", POINTS)
    assert shown is not None
    assert 'class="line" d="M0.0 152.0 H320.0 V8.0 H640.0 V80.0"' in shown.svg


def test_a_value_that_never_changed_is_a_line_in_the_middle() -> None:
    """There is nothing to divide by."""
    shown = chart("x", "x", [(5, 700), (5, 700)])
    assert shown is not None
    assert "M0.0 80.0 H0.0 V80.0" in shown.svg
    assert shown.words == "It stayed at 7.00."


def test_what_went_down_or_came_back_is_said_so() -> None:
    """The words tell the direction."""
    down, back = chart("x", "x", [(0, 2), (1, 1)]), chart("x", "x", [(0, 2), (1, 1), (2, 2)])
    assert down is not None
    assert back is not None
    assert down.words.startswith("It fell from 0.02 to 0.01")
    assert back.words.startswith("It came back from 0.02 to 0.02")


def test_fewer_than_two_points_are_no_chart() -> None:
    """One value has no course."""
    assert chart("x", "x", []) is None
    assert chart("x", "x", [(0, 1)]) is None


def test_no_name_becomes_markup() -> None:
    """Titles are escaped."""
    shown = chart("x", "<script>", POINTS)
    assert shown is not None
    assert "<script>" not in shown.svg
