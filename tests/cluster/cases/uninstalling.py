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

KEPT: Final = {"admin": "password", "tokens": "broker"}
"""Secrets that stay as the volumes do, and one key of each: the identities in the volumes know no others."""

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
    """`helm uninstall` leaves volumes, first password and tokens; over them there are the same balances again."""
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
    tokens = {name: installation.secret(name, key) for name, key in KEPT.items()}
    stays = {f"{VOLUMES}/{claim['metadata']['name']}" for claim in kubectl.objects("pvc")}
    stays |= {f"secrets/{installation.name(name)}" for name in KEPT}
    began = time.monotonic()
    if operator_first:
        kubectl.delete("deployment", installation.name("operator"))
    installation.helm.uninstall()
    world.figure("uninstalled, s", time.monotonic() - began)
    waited = wait_until("nothing else to be left", partial(_only_these_are_left, installation, stays), seconds=120)
    world.figure("members gone after that, s", waited)
    world.figure("left", f"{len(stays) - len(KEPT)} volume claims, {len(KEPT)} Secrets")
    began = time.monotonic()
    installation.install()
    world.figure("installed again, s", time.monotonic() - began)
    after = asyncio.run(balances(installation, users))
    require(after == before, f"balances were {before} and are {after}")
    world.figure("balances", "the same")
    now = {name: installation.secret(name, key) for name, key in KEPT.items()}
    require(now == tokens, "the first password or tokens are others than before")
    with Load(world, installation, seconds=10) as load:
        status = load.result()
        record(world, status)
        held_to(status, 15.0)


def _only_these_are_left(installation: Installation, stays: set[str]) -> bool:
    left = _left(installation)
    require(left == stays, f"uninstalling left {sorted(left - stays)} and took {sorted(stays - left)}")
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
