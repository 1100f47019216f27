"""A pod of each component is killed under load."""

from functools import partial

from tests.cluster.case import Steps, case
from tests.cluster.installation import SERVICES
from tests.cluster.load import disturbed
from tests.cluster.strike import kill
from tests.cluster.world import World


def _killed(component: str) -> Steps:
    def steps(world: World) -> None:
        installation = world.installation()
        disturbed(world, installation, partial(kill, world, installation, component))
        installation.wait_ready()

    steps.__doc__ = f"Kill -9 of the {component} pod under load: nothing fails, nothing is lost or doubled."
    return steps


for _component in SERVICES:
    case(f"{_component}-killed", minutes=8)(_killed(_component))
