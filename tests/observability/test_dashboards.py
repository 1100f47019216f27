"""The dashboards, as far as neither Grafana nor Prometheus is needed to look at them."""

import re
from collections.abc import Iterator
from typing import Final

import pytest

from tests.observability.dashboards import DASHBOARDS, Dashboard, Panel, Query, queries, substituted
from tests.observability.exported import PROMETHEUS_OWN, exported_names
from tests.observability.promql import matched_labels, selectors
from tests.observability.test_rules import FROM_ANY_PROCESS

VARIABLES: Final = {"namespace": "dt", "instance": "daytrader", "__rate_interval": "1m", "__range": "3600s"}

INSTALLATION: Final = {"namespace", "app_kubernetes_io_instance"}

every_dashboard: Final = pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.title)
every_panel: Final = pytest.mark.parametrize(
    "panel",
    [panel for dashboard in DASHBOARDS for panel in dashboard.pictures],
    ids=[f"{dashboard.title}: {panel.title}" for dashboard in DASHBOARDS for panel in dashboard.pictures],
)
every_query: Final = pytest.mark.parametrize(
    "query",
    [query for dashboard in DASHBOARDS for query in queries(dashboard)],
    ids=lambda query: query.place,
)


def test_what_there_is() -> None:
    """There are the four dashboards, each with a uid that never changes: links and bookmarks name it."""
    assert {dashboard.uid: dashboard.title for dashboard in DASHBOARDS} == {
        "daytrader-tps": "TPS",
        "daytrader-commands": "Commands (RED)",
        "daytrader-journal": "Journal and replica sets",
        "daytrader-quotes": "Quotes and cost",
    }


def test_rows() -> None:
    """All that is to be seen of a running system has a row."""
    rows = {panel.title for dashboard in DASHBOARDS for panel in dashboard.panels if panel.type == "row"}
    wanted = {
        *("TPS", "Autoscaling (HPA)", "Builds"),
        *("Rate", "Errors", "Duration", "Triggers"),
        *("Journal and batches", "Replica sets", "Operator", "Audit"),
        *("Cost", "Quotes", "Quote server", "Shared cache"),
    }
    assert wanted <= rows


@every_dashboard
def test_frame(dashboard: Dashboard) -> None:
    """A dashboard is of the newest classic schema, says what it shows, and marks the moments at which builds appear."""
    assert dashboard.schema_version == 42
    assert dashboard.description
    assert [variable.name for variable in dashboard.templating.list] == ["datasource", "namespace", "instance"]
    assert "Builds" in {annotation.name for annotation in dashboard.annotations.list}


@every_dashboard
def test_panels_have_numbers_of_their_own(dashboard: Dashboard) -> None:
    """Grafana tells panels apart by their numbers."""
    numbers = [panel.id for panel in dashboard.panels]
    assert len(numbers) == len(set(numbers))


@every_dashboard
def test_panels_do_not_overlap(dashboard: Dashboard) -> None:
    """Every place of the grid is taken by one panel at the most, and none lies outside."""
    taken = [place for panel in dashboard.panels for place in _places(panel)]
    assert len(taken) == len(set(taken))
    assert all(0 <= x < 24 for x, _ in taken)


@every_panel
def test_panel(panel: Panel) -> None:
    """A panel says what it shows and in what unit, and asks the Prometheus that was chosen."""
    assert panel.description[-1] == "."
    assert panel.unit
    assert panel.targets
    sources = [panel.datasource, *(target.datasource for target in panel.targets)]
    assert all(source is not None and source.uid == "${datasource}" for source in sources)
    assert len({target.ref for target in panel.targets}) == len(panel.targets)


@every_panel
def test_legend_names_labels_that_are_there(panel: Panel) -> None:
    """A label that a legend shows is one that the query keeps."""
    for target in panel.targets:
        kept = {
            label for found in re.findall(r"by \(([^)]*)\)", target.expr) for label in re.split(r",\s*", str(found))
        }
        assert set(re.findall(r"\{\{(\w+)\}\}", target.legend)) <= kept


@every_query
def test_query(query: Query) -> None:
    """A query is PromQL, about series that our code exports, of the installation and the component that are meant."""
    for selector in selectors(substituted(query.expr, VARIABLES)):
        name = selector.name or ""
        assert name in exported_names() | PROMETHEUS_OWN
        assert matched_labels(selector) >= INSTALLATION
        assert "app_kubernetes_io_component" in matched_labels(selector) or FROM_ANY_PROCESS.match(name)


@every_query
def test_windows_follow_the_scrapes(query: Query) -> None:
    """A rate's window is Grafana's to choose: a fixed one has too few samples in it, or hides what was short."""
    assert set(re.findall(r"\[([^\]]*)\]", query.expr)) <= {"$__rate_interval", "$__range"}


def test_variables_are_replaced() -> None:
    """Variables are replaced in both spellings, and one that is not known is an error."""
    assert substituted('a{b="$namespace"}[${__range}]', VARIABLES) == 'a{b="dt"}[3600s]'
    with pytest.raises(KeyError):
        substituted("$other", VARIABLES)


def _places(panel: Panel) -> Iterator[tuple[int, int]]:
    for x in range(panel.place.x, panel.place.x + panel.place.w):
        for y in range(panel.place.y, panel.place.y + panel.place.h):
            yield x, y
