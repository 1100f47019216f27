"""Rules, alerts and dashboards."""

import time
from datetime import datetime
from typing import Final

from tests.cluster.case import case
from tests.cluster.kubectl import Kubectl
from tests.cluster.load import Load, held_to, record
from tests.cluster.shell import require
from tests.cluster.world import World
from tests.observability.cases import CASES
from tests.observability.dashboards import DASHBOARDS
from tests.observability.panels import examine, range_since
from tests.observability.promtool import failures
from tests.observability.rules import ALERTS, RULES

LONGEST_S: Final = 7_200.0
"""Dashboards show the time since the installation was made, this much at the most."""


@case("alert-rules", minutes=10)
def _(world: World) -> None:
    """Every recording rule and every alert makes of given series what its cases say, as Prometheus evaluates it."""
    failed = failures(world.settings.promtool)
    world.figure("alerts", len(ALERTS))
    world.figure("recording rules", len(RULES) - len(ALERTS))
    world.figure("cases", len(CASES))
    require(not failed, f"{len(failed)} cases failed: {'; '.join(failed)}")


@case("dashboards", minutes=8)
def _(world: World) -> None:
    """Every query of every dashboard gives samples on the run's own Prometheus; the dashboards are drawn from them."""
    installation = world.installation()
    with Load(world, installation, seconds=60) as load:
        status = load.result()
        record(world, status)
        held_to(status, 15.0)
    made = installation.kubectl.get("namespace", installation.namespace)["metadata"]["creationTimestamp"]
    now = time.time()
    seconds = min(LONGEST_S, now - datetime.fromisoformat(made).timestamp() + 60)
    namespace, _, name = world.settings.prometheus.partition("/")
    variables = {"namespace": installation.namespace, "instance": world.settings.release}
    with Kubectl(namespace).forwarded(f"deployment/{name}", 9090) as port:
        over = range_since(f"{seconds:.0f}s", now)
        empty = examine(f"http://127.0.0.1:{port}", over, variables, world.out())
    world.figure("queries", sum(len(panel.targets) for board in DASHBOARDS for panel in board.pictures))
    world.figure("minutes shown", seconds / 60)
    world.figure("pictures", ", ".join(str(world.out() / f"{board.uid}.png") for board in DASHBOARDS))
    require(not empty, f"{len(empty)} queries gave no sample: {'; '.join(empty)}")
