"""Rules, alerts and dashboards."""

from tests.cluster.case import case
from tests.cluster.shell import require
from tests.cluster.world import World
from tests.observability.cases import CASES
from tests.observability.promtool import failures
from tests.observability.rules import ALERTS, RULES


@case("alert-rules", minutes=10)
def _(world: World) -> None:
    """Every recording rule and every alert makes of given series what its cases say, as Prometheus evaluates it."""
    failed = failures(world.settings.promtool)
    world.figure("alerts", len(ALERTS))
    world.figure("recording rules", len(RULES) - len(ALERTS))
    world.figure("cases", len(CASES))
    require(not failed, f"{len(failed)} cases failed: {'; '.join(failed)}")
