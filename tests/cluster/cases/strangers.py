"""Members whose data are not the set's, or gone: told, and never touched."""

import time
from typing import Final

from tests.cluster.case import case
from tests.cluster.cases.members import claim_of
from tests.cluster.installation import Installation
from tests.cluster.kubectl import Object, condition
from tests.cluster.program import labels_of, run_in_new_pod
from tests.cluster.shell import require, wait_until
from tests.cluster.world import World

STRANGER: Final = "stranger"
SCRATCH: Final = "scratch"

UNTOUCHED_SECONDS: Final = 30
"""For which the operator is watched leaving things as they are."""

_KEEPSAKE: Final = """
import os, sys
from pymongo import MongoClient
kept = MongoClient(os.environ["URI"], serverSelectionTimeoutMS=20000).get_default_database().keepsake
if sys.argv[1] == "write":
    kept.insert_one({"_id": 1, "text": "whoever finds this has not been overwritten"})
print(kept.count_documents({}))
"""


@case("foreign-member", minutes=15)
def _(world: World) -> None:
    """A member with another set's volume makes its set Degraded, which goes on; the foreign data stay as they are."""
    installation = world.installation()
    kubectl, name = installation.kubectl, installation.name("data-set")
    member, node = f"{name}-2", installation.kubectl.get("pod", f"{name}-2")["spec"]["nodeName"]
    _make(installation, STRANGER, {"nodeSelector": {"kubernetes.io/hostname": node}})
    require(_keepsake(installation, "write") == "1", "the keepsake could not be written")
    volume = _set_free(installation, STRANGER, 0)
    claim = claim_of(installation, member)
    try:
        _without(installation, member, claim)
        _bind(installation, claim, volume)
        _back(installation)
        began = time.monotonic()
        told = _degraded(installation, name)
        world.figure("Degraded after, s", time.monotonic() - began)
        world.figure("message", told)
        require(member in told, f"the message does not name {member}: {told}")
        time.sleep(UNTOUCHED_SECONDS)
        require(installation.primary("data-set"), "the set has no primary beside the foreign member")
    finally:
        _without(installation, member, claim)
        _back(installation)
    world.figure("whole again without it, s", installation.wait_set("data-set", 3))
    _release(installation, volume)
    _bind(installation, f"data-{STRANGER}-0", volume)
    _make(installation, STRANGER, {"nodeSelector": {"kubernetes.io/hostname": node}})
    require(_keepsake(installation, "read") == "1", "the foreign member's data are not what they were")
    world.figure("foreign data afterwards", "untouched")
    _unmake(installation, STRANGER)
    kubectl.delete("pv", volume)


@case("wiped-set", minutes=10)
def _(world: World) -> None:
    """A set whose members are all empty is Degraded, and made anew only when somebody says that the data are lost."""
    installation = world.installation()
    kubectl = installation.kubectl
    _make(installation, SCRATCH, {})
    lost = kubectl.get("mrs", SCRATCH)["status"]["replicaSetId"]
    claim = claim_of(installation, f"{SCRATCH}-0")
    _scale_operator(installation, 0)
    kubectl("scale", "statefulset", SCRATCH, "--replicas=0")
    wait_until(f"{SCRATCH}-0 to be gone", lambda: not kubectl.exists("pod", f"{SCRATCH}-0"), seconds=90)
    kubectl.delete("pvc", claim)
    kubectl("scale", "statefulset", SCRATCH, "--replicas=1")
    _scale_operator(installation, 1)
    told = _degraded(installation, SCRATCH)
    world.figure("message", told)
    began = time.monotonic()
    while time.monotonic() - began < UNTOUCHED_SECONDS:
        found = kubectl.get("mrs", SCRATCH)
        require(condition(found, "Degraded").get("status") == "True", "the set stopped being Degraded by itself")
        require(not found["status"].get("primary"), "an empty member was initiated, although the set had data")
        time.sleep(2)
    kubectl("annotate", "mrs", SCRATCH, f"daytrader.dev/accept-data-loss={lost}")
    world.figure("made anew after the word, s", _ready(installation, SCRATCH))
    require(kubectl.get("mrs", SCRATCH)["status"]["replicaSetId"] != lost, "the set has the lost one's id")
    _unmake(installation, SCRATCH)


def _make(installation: Installation, name: str, over: Object) -> None:
    """Make a set of one member, which policies treat as the data set's, and wait until it is Ready."""
    like = installation.replica_set("data-set")
    spec = {key: value for key, value in like["spec"].items() if key != "affinity"}
    installation.kubectl.apply(
        {
            "apiVersion": like["apiVersion"],
            "kind": like["kind"],
            "metadata": {"name": name, "labels": like["metadata"]["labels"]},
            "spec": {**spec, "members": 1, **over},
        }
    )
    _ready(installation, name)


def _unmake(installation: Installation, name: str) -> None:
    installation.kubectl.delete("mrs", name)
    wait_until(f"{name}-0 to be gone", lambda: not installation.kubectl.exists("pod", f"{name}-0"), seconds=90)
    installation.kubectl.delete("pvc", f"data-{name}-0")


def _ready(installation: Installation, name: str) -> float:
    def ready() -> bool:
        return condition(installation.kubectl.get("mrs", name), "Ready").get("status") == "True"

    return wait_until(f"{name} to be Ready", ready, seconds=180)


def _degraded(installation: Installation, name: str) -> str:
    """Wait until a set is Degraded; return its message."""

    def found() -> Object:
        return condition(installation.kubectl.get("mrs", name), "Degraded")

    wait_until(f"{name} to be Degraded", lambda: found().get("status") == "True", seconds=120)
    return f"{found().get('reason')}: {found().get('message')}"


def _keepsake(installation: Installation, verb: str) -> str:
    """Write a document into the stranger's database, or count those that are there."""
    uri = {"name": "URI", "valueFrom": {"secretKeyRef": {"name": f"{STRANGER}-user", "key": "uri"}}}
    labels = labels_of(installation, "backup")
    image = installation.settings.image
    return run_in_new_pod(installation.kubectl, image, labels, _KEEPSAKE, verb, env=[uri]).strip()


def _set_free(installation: Installation, name: str, ordinal: int) -> str:
    """Take a set away and keep its member's volume, for any claim that names it; return the volume's name."""
    kubectl, claim = installation.kubectl, f"data-{name}-{ordinal}"
    volume = str(kubectl.get("pvc", claim)["spec"]["volumeName"])
    kubectl.patch("pv", volume, {"spec": {"persistentVolumeReclaimPolicy": "Retain"}})
    _unmake(installation, name)
    _release(installation, volume)
    return volume


def _release(installation: Installation, volume: str) -> None:
    kubectl = installation.kubectl
    wait_until(f"{volume} to be released", lambda: kubectl.get("pv", volume)["status"]["phase"] != "Bound", seconds=60)
    kubectl.patch("pv", volume, {"spec": {"claimRef": None}})


def _bind(installation: Installation, claim: str, volume: str) -> None:
    """Make a claim that takes this volume."""
    spec = installation.kubectl.get("pv", volume)["spec"]
    installation.kubectl.apply(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": claim},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": spec["storageClassName"],
                "volumeName": volume,
                "resources": {"requests": {"storage": spec["capacity"]["storage"]}},
            },
        }
    )


def _without(installation: Installation, member: str, claim: str) -> None:
    """Stop the operator, and take the data set's last member and its claim away."""
    _scale_operator(installation, 0)
    installation.kubectl("scale", "statefulset", installation.name("data-set"), "--replicas=2")
    wait_until(f"{member} to be gone", lambda: not installation.kubectl.exists("pod", member), seconds=90)
    installation.kubectl.delete("pvc", claim)


def _back(installation: Installation) -> None:
    """Bring the data set's last member and the operator back."""
    installation.kubectl("scale", "statefulset", installation.name("data-set"), "--replicas=3")
    _scale_operator(installation, 1)


def _scale_operator(installation: Installation, replicas: int) -> None:
    installation.kubectl("scale", "deployment", installation.name("operator"), f"--replicas={replicas}")
    wait_until(
        f"{replicas} operators",
        lambda: len(installation.kubectl.objects("pods", installation.selector("operator"))) == replicas,
        seconds=60,
    )
