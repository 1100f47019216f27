"""What stays when the release goes, and what is there when it comes back."""

import asyncio
import secrets
import time
from functools import partial
from typing import Final

from tests.cluster.accounts import balances, trade
from tests.cluster.case import case
from tests.cluster.installation import Installation
from tests.cluster.load import Load, held_to, record
from tests.cluster.shell import require, wait_until
from tests.cluster.world import World

VOLUMES: Final = "persistentvolumeclaims"

EVERYWHERE: Final = (
    "events",
    "events.events.k8s.io",
    "configmaps/kube-root-ca.crt",
    "serviceaccounts/default",
    "pods.metrics.k8s.io",
)
"""What every namespace has, and what is no object of anybody's."""


@case("uninstall", minutes=12)
def _(world: World) -> None:
    """`helm uninstall` leaves nothing but the volumes; installed again over them there are the same balances."""
    _gone_and_back(world, operator_first=False)


@case("uninstall-operator-first", minutes=12)
def _(world: World) -> None:
    """The same where the operator is gone before `helm uninstall`."""
    _gone_and_back(world, operator_first=True)


def _gone_and_back(world: World, *, operator_first: bool) -> None:
    installation = world.installation()
    kubectl = installation.kubectl
    kubectl("delete", "wl", "--all")  # a load that is kept for a look is the user's, not the release's
    users = [f"stays{secrets.token_hex(6)}" for _ in range(5)]
    asyncio.run(trade(installation, users))
    before = asyncio.run(balances(installation, users))
    claims = {claim["metadata"]["name"] for claim in kubectl.objects("pvc")}
    began = time.monotonic()
    if operator_first:
        kubectl.delete("deployment", installation.name("operator"))
    installation.helm.uninstall()
    world.figure("uninstalled, s", time.monotonic() - began)
    waited = wait_until("nothing to be left but claims", partial(_only_claims_are_left, installation), seconds=120)
    world.figure("members gone after that, s", waited)
    left = {each.partition("/")[2] for each in _left(installation)}
    require(left == claims, f"of the volume claims {sorted(claims)} there are {sorted(left)}")
    world.figure("left", f"{len(left)} volume claims")
    began = time.monotonic()
    installation.install()
    world.figure("installed again, s", time.monotonic() - began)
    after = asyncio.run(balances(installation, users))
    require(after == before, f"balances were {before} and are {after}")
    world.figure("balances", "the same")
    with Load(world, installation, seconds=10) as load:
        status = load.result()
        record(world, status)
        held_to(status, 15.0)


def _only_claims_are_left(installation: Installation) -> bool:
    others = sorted(each for each in _left(installation) if not each.startswith(f"{VOLUMES}/"))
    require(not others, f"uninstalling left {others}")
    return True


def _left(installation: Installation) -> set[str]:
    """Return what there is of ours in the namespace, and in the cluster, as KIND/NAME."""
    kubectl = installation.kubectl
    kinds = kubectl("api-resources", "--namespaced", "--verbs=list", "--output=name").split()
    listed = [kind for kind in kinds if kind not in EVERYWHERE and ".metrics.k8s.io" not in kind]
    found = {f"{_plural(each)}/{each['metadata']['name']}" for each in kubectl.objects(",".join(listed))}
    ours = f"app.kubernetes.io/instance={installation.settings.release},app.kubernetes.io/name=daytrader"
    cluster_wide = kubectl.objects("clusterroles,clusterrolebindings,apiservices", ours)
    found |= {f"{_plural(each)}/{each['metadata']['name']}" for each in cluster_wide}
    return found - set(EVERYWHERE)


def _plural(each: dict[str, object]) -> str:
    return f"{each['kind']}s".lower()
