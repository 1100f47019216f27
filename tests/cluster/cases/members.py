"""Members of the replica sets come and go under load."""

import json
import secrets
import time
from functools import partial

from tests.cluster.case import case
from tests.cluster.installation import Installation
from tests.cluster.kubectl import condition
from tests.cluster.load import disturbed
from tests.cluster.shell import require, wait_until
from tests.cluster.strike import delete_pod
from tests.cluster.world import World


def _primary_deleted(world: World, component: str) -> None:
    installation = world.installation()
    before = installation.primary(component)

    def strike() -> None:
        uid = installation.kubectl.get("pod", before)["metadata"]["uid"]
        delete_pod(installation, before)
        wait_until(f"{before} to be another pod", partial(_is_another, installation, before, uid), seconds=90)
        world.figure("whole again, s", installation.wait_set(component, 3))

    disturbed(world, installation, strike, seconds=75)
    world.figure("primary before and after", f"{before}, {installation.primary(component)}")


@case("data-primary-deleted", minutes=8)
def _(world: World) -> None:
    """The pod of the data set's primary is deleted under load: nothing fails, nothing is lost or doubled."""
    _primary_deleted(world, "data-set")


@case("audit-primary-deleted", minutes=8)
def _(world: World) -> None:
    """The pod of the audit set's primary is deleted under load: nothing fails, nothing is lost or doubled."""
    _primary_deleted(world, "audit-set")


@case("member-and-claim-deleted", minutes=10)
def _(world: World) -> None:
    """A member's pod and its volume claim are deleted under load: it comes back empty and is filled again."""
    installation = world.installation()
    member = installation.secondary("data-set")
    claim = claim_of(installation, member)
    uid = installation.kubectl.get("pvc", claim)["metadata"]["uid"]

    def strike() -> None:
        installation.kubectl("delete", "pvc", claim, "--wait=false")
        delete_pod(installation, member)

        def replaced() -> bool:
            known = installation.kubectl.exists("pvc", claim)
            return known and bool(installation.kubectl.get("pvc", claim)["metadata"]["uid"] != uid)

        wait_until(f"a new volume claim of {member}", replaced, seconds=90)
        told = "not seen"

        def whole() -> bool:
            nonlocal told
            degraded = condition(installation.replica_set("data-set"), "Degraded")
            if degraded.get("status") == "True":
                told = f"{degraded.get('reason')}: {degraded.get('message')}"
            return installation.set_is_whole("data-set", 3)

        world.figure("whole again, s", wait_until("the data set to be whole", whole, seconds=90, every=0.3))
        world.figure("condition Degraded meanwhile", told)

    disturbed(world, installation, strike, seconds=100)


@case("data-set-scaled", minutes=12)
def _(world: World) -> None:
    """The data set goes from 3 to 5 members and back to 3 under load: nothing fails, nothing is lost or doubled."""
    installation = world.installation()

    def strike() -> None:
        for members in (5, 3):
            installation.scale("data-set", members)
            world.figure(f"to {members} members, s", installation.wait_set("data-set", members))

    disturbed(world, installation, strike, seconds=180)


@case("set-restarted", minutes=10)
def _(world: World) -> None:
    """The operator restarts the data set member by member under load, the primary last: nothing fails or is lost."""
    installation = world.installation()
    before = {name: _uid(installation, name) for name in installation.members("data-set")}

    def strike() -> None:
        began = time.monotonic()
        restart(installation, "data-set")
        for name, uid in before.items():
            wait_until(f"{name} to be another pod", partial(_is_another, installation, name, uid), seconds=150)
        installation.wait_set("data-set", 3)
        world.figure("all members restarted, s", time.monotonic() - began)

    disturbed(world, installation, strike, seconds=150)


def restart(installation: Installation, component: str) -> None:
    """Have the operator restart every member of a set, one after the other."""
    text = secrets.token_hex(4)
    installation.kubectl(
        "annotate", "mrs", installation.name(component), f"daytrader.dev/restart={text}", "--overwrite"
    )


def claim_of(installation: Installation, member: str) -> str:
    """Return the name of the volume claim of a member's pod."""
    volumes = installation.kubectl.get("pod", member)["spec"]["volumes"]
    claims = [volume["persistentVolumeClaim"]["claimName"] for volume in volumes if "persistentVolumeClaim" in volume]
    require(len(claims) == 1, f"{member} has {len(claims)} volume claims, one is expected: {json.dumps(volumes)}")
    return str(claims[0])


def _is_another(installation: Installation, pod: str, uid: str) -> bool:
    return _uid(installation, pod) not in ("", uid)


def _uid(installation: Installation, pod: str) -> str:
    if not installation.kubectl.exists("pod", pod):
        return ""
    return str(installation.kubectl.get("pod", pod)["metadata"]["uid"])
