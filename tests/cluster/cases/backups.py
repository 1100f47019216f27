"""A backup is taken under load, and restored into an empty installation."""

import asyncio
import secrets
import time
from typing import Final

from tests.cluster.accounts import balances, trade
from tests.cluster.case import case
from tests.cluster.cases.replicas import wait_replicas
from tests.cluster.installation import SETS, Installation
from tests.cluster.kubectl import condition
from tests.cluster.load import Load, held_to, record
from tests.cluster.shell import require, wait_until
from tests.cluster.world import World

BACKED_UP: Final = {"backup": {"enabled": True}}


@case("backup-restored", minutes=20)
def _(world: World) -> None:
    """A backup that was taken under load is restored into an empty installation: balances are the same."""
    installation = world.installation()
    installation.upgrade(BACKED_UP)
    kubectl = installation.kubectl
    users = [f"kept{secrets.token_hex(6)}" for _ in range(5)]
    asyncio.run(trade(installation, users))
    before = asyncio.run(balances(installation, users))
    with Load(world, installation, seconds=60) as load:
        began = time.monotonic()
        kubectl.delete("job", "e2e-backup", "e2e-restore")
        kubectl("create", "job", "e2e-backup", f"--from=cronjob/{installation.name('backup')}")
        world.figure("backup", _succeeded(installation, "e2e-backup"))
        world.figure("backup, s", time.monotonic() - began)
        load.still_running("the backup was")
        status = load.result()
        record(world, status)
        held_to(status, 15.0)

    installation.helm.uninstall()
    for component in SETS:
        installation.wait_pods(component, 0)
    names = [claim["metadata"]["name"] for claim in kubectl.objects("pvc")]
    kubectl.delete("pvc", *(name for name in names if any(installation.name(each) in name for each in SETS)))
    installation.install(BACKED_UP)
    for component in ("transaction", "audit"):
        installation.scale(component, 0)
        wait_replicas(installation, component, 0)
    began = time.monotonic()
    kubectl("create", "job", "e2e-restore", f"--from=cronjob/{installation.name('restore')}")
    world.figure("restore", _succeeded(installation, "e2e-restore"))
    world.figure("restore, s", time.monotonic() - began)
    for component in ("transaction", "audit"):
        installation.scale(component, 1)
        wait_replicas(installation, component, 1)
    after = asyncio.run(balances(installation, users))
    require(after == before, f"balances were {before} and are {after}")
    world.figure("balances", "the same")
    with Load(world, installation, seconds=10, name="afterwards") as load:
        status = load.result()
        world.figure("verify afterwards", str(status.get("verified")))
        held_to(status, 15.0)
    kubectl.delete("job", "e2e-restore", "e2e-backup")


def _succeeded(installation: Installation, job: str) -> str:
    """Wait until a Job is done; return the last line that it printed."""

    def ended() -> bool:
        found = installation.kubectl.get("job", job)
        return any(condition(found, kind).get("status") == "True" for kind in ("Complete", "Failed"))

    wait_until(f"job {job} to end", ended, seconds=240)
    said = installation.kubectl("logs", f"job/{job}", "--tail=20").strip()
    complete = condition(installation.kubectl.get("job", job), "Complete").get("status") == "True"
    require(complete, f"job {job} failed: {said}")
    return said.splitlines()[-1] if said else ""
