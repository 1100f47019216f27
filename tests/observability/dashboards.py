"""The chart's dashboards, and the queries in them."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from tests.observability.rules import CHART

DASHBOARD_FILES: Final = tuple(sorted((CHART / "dashboards").glob("*.json")))

_VARIABLE: Final = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


class Source(msgspec.Struct, frozen=True):
    """Whom a query asks: a variable, or what Grafana has built in."""

    type: str
    uid: str


class Target(msgspec.Struct, frozen=True):
    """One query of a panel."""

    expr: str
    legend: str = msgspec.field(default="", name="legendFormat")
    datasource: Source | None = None
    ref: str = msgspec.field(default="", name="refId")


class _Defaults(msgspec.Struct, frozen=True):
    unit: str = ""


class _FieldConfig(msgspec.Struct, frozen=True):
    defaults: _Defaults = _Defaults()


class Place(msgspec.Struct, frozen=True):
    """Where a panel stands, in Grafana's grid of 24 columns."""

    x: int
    y: int
    w: int
    h: int


class Panel(msgspec.Struct, frozen=True):
    """A row's heading, or a picture of what its queries give."""

    id: int
    type: str
    title: str
    place: Place = msgspec.field(name="gridPos")
    description: str = ""
    datasource: Source | None = None
    targets: list[Target] = []
    config: _FieldConfig = msgspec.field(default=_FieldConfig(), name="fieldConfig")

    @property
    def unit(self) -> str:
        """The unit of its values, by Grafana's name."""
        return self.config.defaults.unit


class Annotation(msgspec.Struct, frozen=True):
    """Moments that are marked in every panel."""

    name: str
    datasource: Source
    expr: str = ""


class _Annotations(msgspec.Struct, frozen=True):
    list: list[Annotation]


class Variable(msgspec.Struct, frozen=True):
    """What somebody chooses at the top of a dashboard."""

    name: str
    type: str
    definition: str = ""


class _Templating(msgspec.Struct, frozen=True):
    list: list[Variable]


class Dashboard(msgspec.Struct, frozen=True):
    """One dashboard, as far as tests and pictures look at it."""

    uid: str
    title: str
    description: str
    schema_version: int = msgspec.field(name="schemaVersion")
    panels: list[Panel]
    annotations: _Annotations
    templating: _Templating

    @property
    def pictures(self) -> list[Panel]:
        """All panels but the headings of rows."""
        return [panel for panel in self.panels if panel.type != "row"]


class Query(msgspec.Struct, frozen=True):
    """One query, and where it stands."""

    place: str
    """Dashboard, panel and letter, for people."""
    expr: str


def read(path: Path) -> Dashboard:
    """Return one dashboard. Raises msgspec.ValidationError for a file that is none."""
    return msgspec.json.decode(path.read_bytes(), type=Dashboard)


DASHBOARDS: Final = tuple(read(path) for path in DASHBOARD_FILES)


def queries(dashboard: Dashboard) -> Iterator[Query]:
    """Yield every query of the dashboard, those of annotations included, variables as they stand."""
    for panel in dashboard.pictures:
        for target in panel.targets:
            yield Query(f"{dashboard.title} / {panel.title} / {target.ref}", target.expr)
    for annotation in dashboard.annotations.list:
        if annotation.expr:
            yield Query(f"{dashboard.title} / annotation {annotation.name}", annotation.expr)


def substituted(expr: str, variables: Mapping[str, str]) -> str:
    """Return the query with its variables replaced. Raises KeyError for a variable that is not given."""
    return _VARIABLE.sub(lambda found: variables[found[1] or found[2]], expr)
