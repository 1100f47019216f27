"""The simulated Kubernetes of one set: its objects, the StatefulSet's controller, the kubelet, eviction."""
# ruff: noqa: ARG002 - it answers as the API does, and needs not all that is asked

import base64
import hashlib
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import httpx2
import msgspec
from lightkube.core.resource import NamespacedResourceG
from lightkube.models.apps_v1 import StatefulSetStatus
from lightkube.models.core_v1 import (
    ContainerState,
    ContainerStateRunning,
    ContainerStatus,
    ObjectReference,
    PodCondition,
)
from lightkube.models.core_v1 import PodStatus as PodStatusModel
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apps_v1 import StatefulSet
from lightkube.resources.core_v1 import PersistentVolumeClaim, Pod, Secret

from daytrader_operator.desired import MongoReplicaSet
from daytrader_operator.kubernetes import KubernetesError
from daytrader_operator.pod import IN_THE_SET
from tests.operator.simulation.mongods import Disk, Mongods, Process

NAME = "data"
NAMESPACE = "trading"

Named = TypeVar("Named", bound=NamespacedResourceG)


def host(ordinal: int) -> str:
    """The host of a member."""
    return f"{NAME}-{ordinal}.{NAME}.{NAMESPACE}.svc.cluster.local:27017"


@dataclass
class SimulatedPod:
    """A pod. Times are ticks from now."""

    uid: str
    revision: str
    key: str
    starts_in: int
    leaves_in: int | None = None
    gate: bool | None = None
    image: str = ""

    @property
    def runs(self) -> bool:
        """Whether its container runs."""
        return self.starts_in <= 0 and self.image != "bad"

    @property
    def is_ready(self) -> bool:
        """What disruption budgets count."""
        return self.runs and bool(self.gate) and self.leaves_in is None


class Cluster:
    """The API server and the controllers, as `passes.Cluster` wants it."""

    def __init__(self, random_: random.Random, mongods: Mongods, body: dict[str, Any]) -> None:
        self.body = body
        self.objects: dict[tuple[type[Any], str], Any] = {}
        self.pods: dict[int, SimulatedPod] = {}
        self.claims: dict[int, str] = {}
        self.events: list[tuple[str, str]] = []
        self.settled = True
        self._mongods = mongods
        self._random = random_
        self._uid = 0

    # Controllers and kubelet

    def tick(self) -> None:
        """Let some time pass."""
        stateful_set = self.stateful_set
        self.settled = True
        for ordinal, pod in list(self.pods.items()):
            if pod.leaves_in is not None:
                pod.leaves_in -= 1
                if pod.leaves_in <= 0:
                    del self.pods[ordinal]
                    self.ended(ordinal)
                continue
            pod.starts_in -= 1
            if pod.runs:
                self.runs(ordinal, pod)
        if stateful_set is None:
            return
        replicas = stateful_set.spec.replicas
        for ordinal in range(replicas):
            if ordinal not in self.pods:
                self._make_pod(ordinal, stateful_set)
        for ordinal, pod in self.pods.items():
            if ordinal >= replicas and pod.leaves_in is None:
                self.delete_pod(ordinal)

    def runs(self, ordinal: int, pod: SimulatedPod) -> None:
        """The container of a pod runs: its mongod does."""
        if host(ordinal) not in self._mongods.running:
            disk = self._mongods.disks.setdefault(host(ordinal), Disk())
            self._mongods.running[host(ordinal)] = Process(disk, pod.key)

    def ended(self, ordinal: int) -> None:
        """The container of a pod has ended."""
        self._mongods.running.pop(host(ordinal), None)

    def _make_pod(self, ordinal: int, stateful_set: Any) -> None:
        keyfile = self.objects.get((Secret, f"{NAME}-keyfile"))
        if keyfile is None:
            return
        self._uid += 1
        image = stateful_set.spec.template.spec.containers[0].image
        starts_in, key = self._random.randint(0, 2), _decoded(keyfile.data["keyfile"])
        self.pods[ordinal] = SimulatedPod(f"uid-{self._uid}", _revision(stateful_set), key, starts_in, image=image)
        size = stateful_set.spec.volumeClaimTemplates[0].spec.resources.requests["storage"]
        self.claims.setdefault(ordinal, size)

    def delete_pod(self, ordinal: int) -> None:
        """Let the pod end in its grace period."""
        pod = self.pods.get(ordinal)
        if pod is not None and pod.leaves_in is None:
            pod.leaves_in = self._random.randint(1, 2)

    def kill(self, ordinal: int) -> None:
        """End the container; the kubelet starts it again."""
        self.ended(ordinal)
        if ordinal in self.pods:
            self.pods[ordinal].starts_in = self._random.randint(1, 3)

    def wipe(self, ordinal: int) -> None:
        """Delete the volume and the pod."""
        self._mongods.running.pop(host(ordinal), None)
        self._mongods.disks[host(ordinal)] = Disk()
        self.pods.pop(ordinal, None)

    @property
    def stateful_set(self) -> Any:
        """The StatefulSet, if there is one."""
        return self.objects.get((StatefulSet, NAME))

    # The API

    async def get(self, kind: type[Named], name: str) -> Named | None:
        """Return the object."""
        if kind is MongoReplicaSet:
            return cast("Named", MongoReplicaSet.from_dict(self.body))
        found = self.objects.get((kind, name))
        if kind is StatefulSet and found is not None:
            generation = found.metadata.generation
            seen = generation if self.settled else generation - 1
            found.status = StatefulSetStatus(replicas=0, updateRevision=_revision(found), observedGeneration=seen)
        return cast("Named | None", found)

    async def list(self, kind: type[Named], labels: Mapping[str, str]) -> list[Named]:
        """Return the pods, or the claims."""
        if kind is PersistentVolumeClaim:
            return [cast("Named", _claim(ordinal, size)) for ordinal, size in self.claims.items()]
        return [cast("Named", _pod(ordinal, pod)) for ordinal, pod in self.pods.items()]

    async def apply(self, wanted: Named) -> Named:
        """Make the object so."""
        metadata: ObjectMeta = cast("Any", wanted).metadata
        before = self.objects.get((type(wanted), metadata.name or ""))
        metadata.generation = (before.metadata.generation if before else 0) + 1
        self.objects[type(wanted), metadata.name or ""] = wanted
        if isinstance(wanted, StatefulSet):
            self.settled = False
        return wanted

    async def create(self, wanted: Named) -> bool:
        """Make the object, unless it is there."""
        if (type(wanted), cast("Any", wanted).metadata.name) in self.objects:
            return False
        await self.apply(wanted)
        return True

    async def patch(self, kind: type[Named], name: str, change: Mapping[str, Any]) -> None:
        """Change a Secret's data, or a claim's size."""
        if kind is PersistentVolumeClaim:
            self.claims[int(name.rpartition("-")[2])] = change["spec"]["resources"]["requests"]["storage"]
            return
        found = self.objects.get((kind, name))
        if found is None:
            raise KubernetesError(f"change {name}", httpx2.ReadError("not found"))
        found.data.update(change["data"])

    async def set_condition(self, kind: type[Any], name: str, uid: str, condition: Mapping[str, Any]) -> None:
        """Set the gate of a pod."""
        pod = self.pods.get(int(name.rpartition("-")[2]))
        if pod is not None and pod.uid == uid:
            pod.gate = condition["status"] == "True"

    async def delete(self, kind: type[Named], name: str, *, orphan: bool = False) -> None:
        """Delete the object alone."""
        assert orphan
        self.objects.pop((kind, name), None)

    async def evict(self, pod: str, uid: str) -> bool:
        """Evict the pod, if the budget lets it."""
        ordinal = int(pod.rpartition("-")[2])
        found = self.pods.get(ordinal)
        if found is None or found.uid != uid:
            return True
        ready = sum(other.is_ready for other in self.pods.values())
        if found.is_ready and ready < self.stateful_set.spec.replicas:
            return False
        keyfile = self.objects.get((Secret, f"{NAME}-keyfile"))
        # With a keyfile that was lost, members of both keyfiles cannot be a majority together, whoever goes first.
        if keyfile is not None and _decoded(keyfile.data["keyfile"]) == found.key:
            self._mongods.loses(host(ordinal))
        self.delete_pod(ordinal)
        return True

    async def apply_status(self, kind: type[Any], name: str, status: Mapping[str, Any]) -> None:
        """Write the status."""
        self.body["status"] = msgspec.json.decode(msgspec.json.encode(status))

    async def event(self, regarding: ObjectReference, reason: str, message: str, *, warning: bool = False) -> None:
        """Remember it."""
        self.events.append((reason, message))


def _revision(stateful_set: Any) -> str:
    text = msgspec.json.encode(stateful_set.spec.template, order="deterministic")
    return hashlib.sha256(text).hexdigest()[:10]


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode()


def _claim(ordinal: int, size: str) -> PersistentVolumeClaim:
    return msgspec.convert(
        {
            "metadata": {"name": f"data-{NAME}-{ordinal}"},
            "spec": {"resources": {"requests": {"storage": size}}},
        },
        PersistentVolumeClaim,
    )


def _pod(ordinal: int, pod: SimulatedPod) -> Pod:
    state = ContainerState(running=ContainerStateRunning()) if pod.runs else ContainerState()
    container = ContainerStatus(image="", imageID="", name="mongodb", ready=pod.runs, restartCount=0, state=state)
    gate = [] if pod.gate is None else [PodCondition(type=IN_THE_SET, status=str(pod.gate))]
    return Pod(
        metadata=ObjectMeta(
            name=f"{NAME}-{ordinal}",
            uid=pod.uid,
            labels={"controller-revision-hash": pod.revision},
            deletionTimestamp=None if pod.leaves_in is None else datetime.now(UTC),
        ),
        status=PodStatusModel(conditions=gate, containerStatuses=[container]),
    )
