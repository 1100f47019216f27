"""The operator is killed again and again while it works."""

import random
import time
from collections.abc import Callable
from typing import Final

from tests.cluster.case import case
from tests.cluster.cases.members import restart
from tests.cluster.installation import Installation
from tests.cluster.kubectl import Object
from tests.cluster.load import Load, held_to, record
from tests.cluster.program import running_in
from tests.cluster.shell import require, wait_until
from tests.cluster.world import World

SEED: Final = 4

LONGEST_S: Final = 12.0
"""The operator is killed this long after the last time, at most."""

_WATCH: Final = """
import json, sys, threading, time
from pymongo import MongoClient
over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
limits = dict(serverSelectionTimeoutMS=400, connectTimeoutMS=400, socketTimeoutMS=400, directConnection=True)
clients = {host: MongoClient(host, 27017, **limits) for host in sys.argv[1:]}
def primary(host):
    try:
        return clients[host].admin.command("hello").get("isWritablePrimary", False)
    except Exception:
        return False
rounds, both = 0, []
while not over.is_set():
    seen = [host for host in clients if primary(host)]
    # Seen one after the other, two may only have handed over in between: then the first is none any more.
    again = [host for host in seen if primary(host)] if len(seen) > 1 else seen
    if len(again) > 1:
        both.append([time.time(), again])
    rounds += 1
    over.wait(0.5)
print(json.dumps({"rounds": rounds, "both": both}))
"""
"""Asks every member again and again whether it is a primary that takes writes."""


@case("operator-killed-ten-times", minutes=15)
def _(world: World) -> None:
    """The operator dies ten times amid forming, growing, shrinking, restarting a set: all end as desired."""
    installation = world.installation()
    before = installation.replica_set("data-set")["status"]["replicaSetId"]
    chance = random.Random(SEED)
    killed = 0
    name = installation.name("data-set")
    domain = "cluster.local"
    hosts = [f"{name}-{ordinal}.{name}.{installation.namespace}.svc.{domain}" for ordinal in range(5)]

    def procedure(what: str, begin: Callable[[], None], kills: int, ended: Callable[[], object]) -> None:
        nonlocal killed
        began = time.monotonic()
        begin()
        for _ in range(kills):
            time.sleep(chance.uniform(0.5, LONGEST_S))
            _kill(installation)
            killed += 1
        wait_until(f"the end of {what}", ended, seconds=200)
        world.figure(f"{what}, killed {kills} times, s", time.monotonic() - began)

    def grown() -> bool:
        return installation.set_is_whole("data-set", 5)

    def whole() -> bool:
        return installation.set_is_whole("data-set", 3)

    def uids() -> set[str]:
        """Those of the data set's own pods: the set that is formed here carries the same labels but this one."""
        pods = installation.kubectl.objects("pods", f"daytrader.dev/replica-set={name}")
        return {pod["metadata"]["uid"] for pod in pods}

    def all_restarted() -> bool:
        return whole() and uids().isdisjoint(old)

    try:
        with (
            running_in(installation, "transaction", _WATCH, *hosts) as told,
            Load(world, installation, seconds=300, rate=50) as load,
        ):
            procedure(
                "forming a set",
                lambda: installation.kubectl.apply(_new_set(installation)),
                2,
                lambda: _formed(installation),
            )
            procedure("growing to 5", lambda: installation.scale("data-set", 5), 3, grown)
            procedure("shrinking to 3", lambda: installation.scale("data-set", 3), 2, whole)
            old = uids()
            procedure("restarting", lambda: restart(installation, "data-set"), 3, all_restarted)
            load.still_running("the last procedure was")
            status = load.result()
    finally:
        installation.kubectl.delete("mrs", "forming")
        installation.kubectl.delete("pvc", *(f"data-forming-{ordinal}" for ordinal in range(3)))
    world.figure("operator killed, times", killed)
    record(world, status)
    world.figure("rounds of asking for primaries", told[0]["rounds"])
    world.figure("rounds with two", len(told[0]["both"]))
    held_to(status, 15.0)
    require(not told[0]["both"], f"two primaries at a time: {told[0]['both']}")
    after = installation.replica_set("data-set")["status"]["replicaSetId"]
    require(after == before, f"the set was {before} and is {after}: it was initiated again")


def _kill(installation: Installation) -> None:
    pods = [pod["metadata"]["name"] for pod in installation.pods("operator")]
    installation.kubectl("delete", "pod", *pods, "--grace-period=0", "--force", "--wait=false")


def _new_set(installation: Installation) -> Object:
    """Return a replica set like the data set, which nobody uses; policies let the operator reach it."""
    like = installation.replica_set("data-set")
    return {
        "apiVersion": like["apiVersion"],
        "kind": like["kind"],
        "metadata": {"name": "forming", "labels": like["metadata"]["labels"]},
        "spec": {**like["spec"], "members": 3},
    }


def _formed(installation: Installation) -> bool:
    found = installation.kubectl.get("mrs", "forming")
    status = found.get("status", {})
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in status.get("conditions", []))
    return bool(ready and status.get("members") == "3/3")
