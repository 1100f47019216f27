"""Whole nodes go away under load, and come back."""

import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster.case import case
from tests.cluster.cases.replicas import wait_replicas
from tests.cluster.installation import SETS, Installation
from tests.cluster.load import disturbed
from tests.cluster.shell import require, run, wait_until
from tests.cluster.strike import node_is_ready, victim
from tests.cluster.world import World

NOTICED_SECONDS = 90.0
"""In which the cluster notices that a node is gone, and that it is back."""


@contextmanager
def _two_of_each(world: World) -> Iterator[tuple[Installation, str]]:
    """Give the installation with two web and two transaction replicas, and a node to strike that gets no load."""
    installation = world.installation()
    for component in ("web", "transaction"):
        installation.scale(component, 2)
        wait_replicas(installation, component, 2)
        nodes = {pod["spec"]["nodeName"] for pod in installation.pods(component)}
        require(len(nodes) == 2, f"both replicas of {component} are on {nodes}: they have to spread")
    node = victim(installation)
    here = [
        pod["metadata"]["name"] for pod in installation.kubectl.objects("pods") if pod["spec"].get("nodeName") == node
    ]
    world.say(f"   {node} has {', '.join(here)}")
    world.figure("members on the node", ", ".join(name for name in here if "-set-" in name))
    installation.kubectl("cordon", node)
    try:
        yield installation, node
    finally:
        installation.kubectl("uncordon", node)


@case("node-stopped", minutes=12)
def _(world: World) -> None:
    """One of three nodes stops under load, and comes back: nothing fails, nothing is lost or doubled."""
    stop, start = world.settings.stop_node, world.settings.start_node
    require(stop and start, "name the commands that stop and start a node in E2E_STOP_NODE and E2E_START_NODE")
    with _two_of_each(world) as (installation, node):

        def strike() -> None:
            run(*shlex.split(stop.format(node=node)), seconds=60)
            try:
                gone = wait_until(
                    f"{node} to be missed", lambda: not node_is_ready(installation, node), seconds=NOTICED_SECONDS
                )
                world.figure("node missed after, s", gone)
                time.sleep(10)
            finally:
                run(*shlex.split(start.format(node=node)), seconds=60)
            wait_until(f"{node} to be back", lambda: node_is_ready(installation, node), seconds=NOTICED_SECONDS)
            for component in SETS:
                world.figure(f"{component} whole again, s", installation.wait_set(component, 3))

        disturbed(world, installation, strike, seconds=180, longest_gap_s=60)


@case("node-drained", minutes=10)
def _(world: World) -> None:
    """One of three nodes is drained under load, and used again: nothing fails, nothing is lost or doubled."""
    with _two_of_each(world) as (installation, node):

        def strike() -> None:
            began = time.monotonic()
            options = ("--ignore-daemonsets", "--delete-emptydir-data", "--timeout=100s")
            installation.kubectl("drain", node, *options, seconds=110)
            world.figure("drained, s", time.monotonic() - began)
            installation.kubectl("uncordon", node)
            for component in SETS:
                world.figure(f"{component} whole again, s", installation.wait_set(component, 3))

        disturbed(world, installation, strike, seconds=150)
