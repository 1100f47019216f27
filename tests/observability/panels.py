"""Every query of every dashboard, asked of a real Prometheus; and pictures of the dashboards from the samples.

`ci/panels URL --since 30m`, see `ci/panels --help`.
"""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click
import promql_parser

from tests.observability.dashboards import DASHBOARDS, Dashboard, substituted
from tests.observability.pictures import draw
from tests.observability.samples import PrometheusError, Range, Series, ask

POINTS: Final = 240
"""Samples of a series in a picture, at the most."""

LEAST_STEP: Final = 5.0
"""Seconds between two of them, at the least."""


def examine(url: str, over: Range, installation: Mapping[str, str], out: Path | None, rate: str = "1m") -> list[str]:
    """Return which queries, annotations included, gave no sample; draw the dashboards into `out` unless it is None.

    `installation` gives the dashboards' variables `namespace` and `instance`, `rate` is their $__rate_interval. `over`
    has to begin before the first build was started, for its annotation.

    Raises:
        PrometheusError: it cannot be asked, or refuses a query.
    """
    variables = {**installation, "__rate_interval": rate, "__range": f"{round(over.end - over.start)}s"}
    empty = []
    for dashboard in DASHBOARDS:
        found = _ask(url, over, dashboard, variables)
        empty += [
            f"{dashboard.title} / annotation {annotation.name}: {substituted(annotation.expr, variables)}"
            for annotation in dashboard.annotations.list
            if annotation.expr and not ask(url, substituted(annotation.expr, variables), over)
        ]
        empty += [
            f"{dashboard.title} / {panel.title} / {target.ref}: {substituted(target.expr, variables)}"
            for panel in dashboard.pictures
            for target in panel.targets
            if not found[panel.id, target.ref]
        ]
        if out is not None:
            draw(dashboard, found, out / f"{dashboard.uid}.png")
    return empty


def _ask(
    url: str, over: Range, dashboard: Dashboard, variables: Mapping[str, str]
) -> dict[tuple[int, str], list[Series]]:
    return {
        (panel.id, target.ref): ask(url, substituted(target.expr, variables), over)
        for panel in dashboard.pictures
        for target in panel.targets
    }


def range_since(duration: str, end: float) -> Range:
    """Return the range that ends at `end` (seconds since 1970), in steps that make a good picture.

    Raises ValueError for a duration that PromQL would not take.
    """
    seconds = promql_parser.parse_duration(duration).total_seconds()
    return Range(end - seconds, end, max(LEAST_STEP, round(seconds / POINTS)))


@click.command()
@click.argument("url")
@click.option("--since", default="1h", show_default=True, help="How far back to ask, like 90s, 30m, 2h.")
@click.option("--namespace", default="daytrader", show_default=True)
@click.option("--instance", default="daytrader", show_default=True, help="The Helm release.")
@click.option("--rate", default="1m", show_default=True, help="Window of rates: four scrapes or more.")
@click.option("--out", default="out/panels", show_default=True, type=click.Path(path_type=Path))
def main(url: str, since: str, namespace: str, instance: str, rate: str, out: Path) -> None:
    """Ask the Prometheus at URL every query of every dashboard; exit 1 where one gave no sample."""
    try:
        over = range_since(since, time.time())
        empty = examine(url, over, {"namespace": namespace, "instance": instance}, out, rate)
    except (PrometheusError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    for each in empty:
        click.echo(f"no sample: {each}")
    asked = sum(len(panel.targets) for dashboard in DASHBOARDS for panel in dashboard.pictures) + len(DASHBOARDS)
    click.echo(f"{asked} queries, {len(empty)} gave no sample; pictures in {out}")
    sys.exit(bool(empty))


if __name__ == "__main__":
    main()
