"""Services are scaled by hand under load."""

import time

from tests.cluster.case import case
from tests.cluster.installation import Installation
from tests.cluster.load import disturbed
from tests.cluster.world import World


def _scaled(world: World, component: str) -> None:
    installation = world.installation()

    def strike() -> None:
        for replicas in (3, 1):
            began = time.monotonic()
            installation.scale(component, replicas)
            wait_replicas(installation, component, replicas)
            world.figure(f"to {replicas} replicas, s", time.monotonic() - began)
            time.sleep(5)  # so that the new ones take part

    disturbed(world, installation, strike, seconds=90)


@case("web-scaled", minutes=8)
def _(world: World) -> None:
    """Web goes from 1 to 3 replicas and back to 1 under load: nothing fails, nothing is lost or doubled."""
    _scaled(world, "web")


@case("transaction-scaled", minutes=8)
def _(world: World) -> None:
    """Transaction goes from 1 to 3 replicas and back to 1 under load: nothing fails, nothing is lost or doubled."""
    _scaled(world, "transaction")


def wait_replicas(installation: Installation, component: str, replicas: int) -> None:
    """Wait until a component has exactly so many pods, all of them ready, those on their way out gone."""
    installation.kubectl.rollout_status(f"deployment/{installation.name(component)}")
    installation.wait_pods(component, replicas)
