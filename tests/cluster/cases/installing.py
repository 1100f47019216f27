"""From nothing to an installation that trades, and what that takes."""

import time

from tests.cluster import resources
from tests.cluster.case import case
from tests.cluster.helm import apply_definitions
from tests.cluster.installation import SETS, Installation
from tests.cluster.load import Load, held_to, record
from tests.cluster.shell import require
from tests.cluster.world import World

MOST_CORES = 2.0
MOST_MEBIBYTES = 4096.0


@case("install", minutes=15)
def _(world: World) -> None:
    """From nothing, `helm install --wait` ends with everything Ready and `helm test` passes, in 2 cores and 4 GB."""
    installation = world.shared
    _remove(installation)
    installation.make_namespace()
    began = time.monotonic()
    installation.install()
    world.figure("helm install --wait, s", time.monotonic() - began)
    installation.wait_ready(seconds=10)
    world.figure("everything Ready, s", time.monotonic() - began)
    for component in SETS:
        columns = installation.kubectl("get", "mrs", installation.name(component), "--no-headers").split()
        primary = installation.primary(component)
        wanted = (installation.name(component), "True", primary, "3/3")
        require(
            tuple(columns[:4]) == wanted,
            f"`kubectl get mrs` shows {columns}: name, True, {primary} and 3/3 are expected",
        )
        world.figure(f"kubectl get mrs, {component}", " ".join(columns))
    began = time.monotonic()
    said = installation.helm.test()
    world.figure("helm test, s", time.monotonic() - began)
    require("Succeeded" in said, f"helm test does not say that it succeeded: {said}")

    asked, most, used = resources.asked(installation), resources.limited(installation), resources.used(installation)
    world.figure("asked, cores", asked.cores)
    world.figure("asked, MiB", asked.mebibytes)
    world.figure("limit, MiB", most.mebibytes)
    world.figure("used at rest, cores", used.cores)
    world.figure("used at rest, MiB", used.mebibytes)
    for what, amount in (("asked for", asked), ("used", used)):
        require(amount.cores <= MOST_CORES, f"{amount.cores} cores are {what}, the small profile has {MOST_CORES}")
        require(
            amount.mebibytes <= MOST_MEBIBYTES,
            f"{amount.mebibytes} MiB are {what}, the small profile has {MOST_MEBIBYTES}",
        )


@case("steady-load", minutes=6)
def _(world: World) -> None:
    """Nothing fails and nothing is lost under a steady load that nobody disturbs: what the faults are compared with."""
    installation = world.installation()
    with Load(world, installation, seconds=45) as load:
        time.sleep(30)
        used = resources.used(installation)
        status = load.result()
        record(world, status)
        world.figure("p50, ms", float(status["p50Ms"]))
        world.figure("p99, ms", float(status["p99Ms"]))
        world.figure("used under load, cores", used.cores)
        world.figure("used under load, MiB", used.mebibytes)
        held_to(status, 5.0)
        require(
            used.mebibytes <= MOST_MEBIBYTES, f"{used.mebibytes} MiB are used, the small profile has {MOST_MEBIBYTES}"
        )


def _remove(installation: Installation) -> None:
    """Remove an installation of an earlier run; its resource definitions, which others may use, become the chart's."""
    installation.remove()
    if installation.kubectl.exists("customresourcedefinition", "mongoreplicasets.daytrader.dev"):
        apply_definitions()
