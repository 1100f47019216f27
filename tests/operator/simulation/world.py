"""One set in its world, kept by an operator that is killed now and then, from one seed."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx2
from lightkube.resources.apps_v1 import StatefulSet
from lightkube.resources.core_v1 import Secret
from pymongo.errors import AutoReconnect, PyMongoError

from daytrader_operator.facts import Config, Document, Mongod, Says
from daytrader_operator.kubernetes import KubernetesError
from daytrader_operator.observe import BrokenSecret
from daytrader_operator.passes import Passes
from daytrader_operator.status import condition_holds
from tests.operator.simulation.cluster import NAME, NAMESPACE, Cluster, host
from tests.operator.simulation.mongods import Mongods


class Killed(BaseException):
    """The operator dies here."""


@dataclass
class Faults:
    """How likely it is at every call that …"""

    killed: float = 0.0
    """the operator dies, before the call or after it"""
    failed: float = 0.0
    """the call fails, before it did anything or after it did all"""


class World:
    """A namespace with one MongoReplicaSet."""

    def __init__(self, seed: int, members: int = 3) -> None:
        self.random = random.Random(seed)
        self.faults = Faults()
        self.mongods = Mongods(self.random)
        self.body: dict[str, Any] = {
            "apiVersion": "daytrader.dev/v1alpha1",
            "kind": "MongoReplicaSet",
            "metadata": {"name": NAME, "namespace": NAMESPACE, "uid": "u", "generation": 1, "annotations": {}},
            "spec": {"members": members, "image": "mongo:8.0", "storage": {"size": "1Gi"}},
        }
        self.cluster = Cluster(self.random, self.mongods, self.body)
        self.errors: list[str] = []
        self.passes = self._operator()

    def _operator(self) -> Passes:
        return Passes(Faulty(self, self.cluster), Faulty(self, Asked(self)), NAME, "cluster.local")

    def want(self, **spec: Any) -> None:
        """Change the resource."""
        self.body["spec"] = {**self.body["spec"], **spec}
        self.body["metadata"]["generation"] += 1

    async def step(self) -> None:
        """Let some time pass, and let the operator make a pass."""
        self.cluster.tick()
        self.mongods.tick()
        try:
            await self.passes.once()
        except Killed:
            self.passes = self._operator()
        except (KubernetesError, PyMongoError, BrokenSecret) as error:
            self.errors.append(str(error))

    async def settle(self, within: int = 200) -> None:
        """Let it go on without further misfortune until it is as wanted."""
        self.faults = Faults()
        for _ in range(within):
            await self.step()
            if self.is_as_wanted():
                break
        for _ in range(4):  # pods that are not wanted any more end
            await self.step()
        if self.is_as_wanted():
            return
        raise AssertionError(f"not as wanted after {within} passes: {self.body['status']} {self.errors[-3:]}")

    @property
    def status(self) -> dict[str, Any]:
        """What the resource says."""
        status: dict[str, Any] = self.body.get("status", {})
        return status

    def condition(self, name: str) -> dict[str, Any]:
        """A condition of the resource."""
        found: dict[str, Any] = next(c for c in self.status["conditions"] if c["type"] == name)
        return found

    def is_as_wanted(self) -> bool:
        """Whether the resource says that it is ready, for the newest generation."""
        current = self.status.get("observedGeneration") == self.body["metadata"]["generation"]
        return current and condition_holds(self.status, "Ready") and not condition_holds(self.status, "Degraded")

    def reinstall(self, **spec: Any) -> None:
        """Take the resource and all that it owns away, and install it again over its volumes."""
        self.cluster.pods.clear()
        self.mongods.running.clear()
        self.cluster.objects.clear()
        self.body.pop("status", None)
        self.want(**spec)

    def check(self) -> None:
        """What must hold at the end, by what is there and not by what the resource says."""
        spec = self.body["spec"]
        assert self.mongods.violations == []
        wanted = {host(ordinal) for ordinal in range(spec["members"])}
        assert {*self.mongods.running} == wanted
        primaries = [found for found in self.mongods.running.values() if found.state == "PRIMARY"]
        assert len(primaries) == 1
        assert {*primaries[0].disk.hosts} == wanted
        assert {found.state for found in self.mongods.running.values()} <= {"PRIMARY", "SECONDARY"}
        assert len({*self.mongods.initiated}) == 1
        kept = set(primaries[0].disk.log)
        assert {entry for _, entry in self.mongods.acknowledged} <= kept
        assert primaries[0].disk.user is not None
        assert {pod.image for pod in self.cluster.pods.values()} == {spec["image"]}
        assert {*self.cluster.pods} == {*range(spec["members"])}
        sizes = {self.cluster.claims[ordinal] for ordinal in range(spec["members"])}
        assert sizes == {spec["storage"]["size"]}

    # Misfortunes

    def happen(self) -> None:
        """Let something happen that an operator has to live with."""
        ordinal = self.random.randrange(max(1, len(self.cluster.pods)))
        what = self.random.choice(
            [
                self.cluster.kill,
                self.cluster.delete_pod,
                self._wipe,
                self._cut,
                self._scale,
                self._upgrade,
                self._grow,
                self._lose_object,
                self._reinstall,
            ]
        )
        what(ordinal)

    def _cut(self, ordinal: int) -> None:
        if host(ordinal) in self.mongods.running:
            self.mongods.running[host(ordinal)].cut_for = self.random.randint(1, 4)

    def _wipe(self, ordinal: int) -> None:
        """A volume is lost."""
        if self._may_lose_one():
            self.cluster.wipe(ordinal)

    def _reinstall(self, ordinal: int) -> None:
        """All is uninstalled but the volumes, one of which is lost, perhaps; then it is installed again."""
        if self._may_lose_one():
            self.cluster.wipe(ordinal)
        self.reinstall()

    def _may_lose_one(self) -> bool:
        """Whether all the others have everything: to lose more at a time would be a loss of data."""
        members = self.mongods.running
        whole = [found for found in members.values() if found.state in {"PRIMARY", "SECONDARY"}]
        everywhere = len(whole) == len(members) and len({found.disk.place for found in whole}) == 1
        all_there = len(self.cluster.pods) == len(members) and all(h in members for f in whole for h in f.disk.hosts)
        return len(members) >= 3 and everywhere and all_there

    def _scale(self, _: int) -> None:
        self.want(members=self.random.choice([1, 3, 5]))

    def _upgrade(self, ordinal: int) -> None:
        if ordinal % 2:
            self.want(image=self.random.choice(["mongo:8.0", "mongo:8.1", "mongo:8.2", "bad"]))
        else:
            self.body["metadata"]["annotations"]["daytrader.dev/restart"] = str(self.random.random())

    def _grow(self, _: int) -> None:
        size = int(self.body["spec"]["storage"]["size"].removesuffix("Gi"))
        self.want(storage={"size": f"{size + 1}Gi"})

    def _lose_object(self, _: int) -> None:
        lost = self.random.choice([(Secret, f"{NAME}-user"), (Secret, f"{NAME}-keyfile"), (StatefulSet, NAME)])
        self.cluster.objects.pop(lost, None)


class Asked:
    """The members, as `passes.SetMembers` wants them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._key = ""

    def connect(self, key: str, authority: str | None) -> "Faulty":
        """Remember the key; there is no TLS here."""
        assert authority is None
        asked = Asked(self._world)
        asked._key = key
        return Faulty(self._world, asked)

    async def close(self) -> None:
        """There is nothing to close."""

    async def keep(self, hosts: frozenset[str]) -> None:
        """There is nothing to keep."""

    async def ask(self, at: str) -> Mongod:
        """What the member says."""
        found = self._world.mongods.running.get(at)
        if found is None:
            return Mongod(Says.SILENT)
        if found.key != self._key:
            return Mongod(Says.REFUSES)
        disk = found.disk
        if disk.strange:
            return Mongod(Says.STRANGE, why=disk.strange)
        if disk.config is None:
            return Mongod(Says.EMPTY)
        return Mongod(
            Says.CONFIGURED,
            config=Config({**disk.config, "members": [dict(member) for member in disk.config["members"]]}),
            state=found.state,
            writable=found.state == "PRIMARY",
            copying=found.state == "STARTUP2",
            term=disk.term,
            applied=datetime.fromtimestamp(disk.place[1], UTC) if disk.log else None,
            peers=self._world.mongods.peers_of(at),
            version="8.0.0",
        )

    def _mongods(self, at: str) -> Mongods:
        found = self._world.mongods.running.get(at)
        if found is None or found.key != self._key:
            raise AutoReconnect("nobody there")
        return self._world.mongods

    async def initiate(self, at: str, config: Document) -> None:
        """Initiate."""
        self._mongods(at).initiate(at, config)

    async def reconfigure(self, primary: str, config: Document) -> None:
        """Reconfigure."""
        self._mongods(primary).reconfigure(primary, config)

    async def step_down(self, primary: str) -> None:
        """Step down."""
        self._mongods(primary).step_down(primary)

    async def user_is(self, primary: str, user: Document) -> bool:
        """Whether the user is there."""
        has = self._mongods(primary).running[primary].disk.user
        return has == {name: value for name, value in user.items() if name != "pwd"}

    async def make_user(self, primary: str, user: Document) -> None:
        """Make the user."""
        self._mongods(primary).make_user(primary, user)


class Faulty:
    """Calls of `behind` that may fail, and may be the operator's last."""

    def __init__(self, world: World, behind: Any) -> None:
        self._world = world
        self._behind = behind

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._behind, name)
        if name in {"connect", "keep", "close", "ask"}:
            return call

        async def faulty(*arguments: Any, **named: Any) -> Any:
            self._perhaps()
            answer = await call(*arguments, **named)
            self._perhaps()
            return answer

        return faulty

    def _perhaps(self) -> None:
        faults, chance = self._world.faults, self._world.random.random()
        if chance < faults.killed:
            raise Killed
        if chance < faults.killed + faults.failed:
            if isinstance(self._behind, Asked):
                raise AutoReconnect("the answer is lost")
            raise KubernetesError("do it", httpx2.ReadError("the answer is lost"))
