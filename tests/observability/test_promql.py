"""Looking into PromQL."""

import pytest

from tests.observability.promql import matched_labels, selectors


def test_every_selector_is_found() -> None:
    """Selectors are found in functions, on both sides of operators, and behind offsets."""
    expr = 'histogram_quantile(0.9, sum by (le) (rate(a{b="c"}[5m]))) / scalar(d) unless on () absent(e offset 2m)'
    assert [selector.name for selector in selectors(expr)] == ["a", "d", "e"]


def test_labels_of_a_selector() -> None:
    """The labels by which a selector selects are told."""
    assert matched_labels(selectors('a{b="c",d=~"e|f"}')[0]) == {"b", "d"}


def test_what_is_no_promql_is_refused() -> None:
    """A query with a parenthesis that is left open is none."""
    with pytest.raises(ValueError, match="parenthesis"):
        selectors("sum(a")
