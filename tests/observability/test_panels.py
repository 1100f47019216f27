"""Every query of every dashboard, asked; and the pictures."""

from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from tests.observability.dashboards import DASHBOARDS, queries, substituted
from tests.observability.panels import examine, main, range_since
from tests.observability.samples import Range
from tests.observability.stand_in import StandIn

INSTALLATION: Final = {"namespace": "dt", "instance": "daytrader"}
OVER: Final = Range(0, 120, 60)

BUILDS: Final = next(annotation.expr for annotation in DASHBOARDS[0].annotations.list if annotation.expr)


def test_every_query_is_asked(prometheus: StandIn) -> None:
    """All queries of all dashboards and annotations are asked, with all variables replaced, over the range."""
    assert examine(prometheus.url, OVER, INSTALLATION, None) == []
    assert len(prometheus.asked) == sum(len(list(queries(dashboard))) for dashboard in DASHBOARDS)
    assert not [form["query"] for form in prometheus.asked if "$" in form["query"]]
    assert {form["end"] for form in prometheus.asked} == {"120"}


def test_queries_without_a_sample_are_named(prometheus: StandIn) -> None:
    """What gave no sample is named by dashboard and panel, annotations too."""
    prometheus.empty.add(substituted(BUILDS, INSTALLATION))
    rows = 'sum by (pod) (daytrader_web_in_flight{namespace="dt", app_kubernetes_io_instance="daytrader", '
    prometheus.empty.add(rows + 'app_kubernetes_io_component="web"})')
    empty = examine(prometheus.url, OVER, INSTALLATION, None)
    assert len(empty) == len(DASHBOARDS) + 1
    assert sum("annotation Builds" in each for each in empty) == len(DASHBOARDS)
    assert any(each.startswith("TPS / Commands under way / A: ") for each in empty)


def test_command_draws_and_succeeds(prometheus: StandIn, tmp_path: Path) -> None:
    """With samples for every query the command draws the four dashboards, and ends with 0."""
    ran = CliRunner().invoke(main, [prometheus.url, "--since", "10m", "--out", str(tmp_path)])
    assert ran.exit_code == 0, ran.output
    assert {path.stem for path in tmp_path.glob("*.png")} == {dashboard.uid for dashboard in DASHBOARDS}


def test_command_fails_without_samples(prometheus: StandIn, tmp_path: Path) -> None:
    """Where nothing gives a sample, every query is named, the pictures are drawn empty, and the command ends with 1."""
    prometheus.values = []
    ran = CliRunner().invoke(main, [prometheus.url, "--out", str(tmp_path)])
    assert ran.exit_code == 1
    asked = sum(len(list(queries(dashboard))) for dashboard in DASHBOARDS)
    assert ran.output.count("no sample: ") == asked


def test_command_says_when_it_cannot_ask(prometheus: StandIn) -> None:
    """A duration that is none ends the command with a sentence."""
    ran = CliRunner().invoke(main, [prometheus.url, "--since", "a while"])
    assert ran.exit_code == 1
    assert ran.output.startswith("Error: ")


@pytest.mark.parametrize(("duration", "start", "step"), [("10m", 6_600, 5), ("2h", 0, 30)])
def test_range(duration: str, start: float, step: float) -> None:
    """A range has at most so many samples as a picture can show, and none more often than every 5 s."""
    assert range_since(duration, 7_200) == Range(start, 7_200, step)
