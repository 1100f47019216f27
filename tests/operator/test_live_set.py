"""The whole operator on real mongods: only Kubernetes is simulated."""

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from lightkube.resources.core_v1 import Secret
from pymongo import AsyncMongoClient

from daytrader_operator.mongodb import Connections
from daytrader_operator.status import condition_holds
from tests.operator.daemons import Daemons, LiveCluster, LivePasses, daemons
from tests.operator.simulation.cluster import NAME, NAMESPACE

WITHIN_S = 120


class Live:
    """A set, the passes over it, and what programs see of it."""

    def __init__(self, members: Daemons) -> None:
        metadata = {"name": NAME, "namespace": NAMESPACE, "uid": "u", "generation": 1, "annotations": {}}
        self.body: dict[str, Any] = {
            "apiVersion": "daytrader.dev/v1alpha1",
            "kind": "MongoReplicaSet",
            "metadata": metadata,
            "spec": {"members": 3},
        }
        self.members = members
        self.cluster = LiveCluster(members, self.body)
        self.connections = Connections()
        self.passes = LivePasses(self.cluster, self.connections, NAME, "cluster.local")
        self.passes.address_members(members.address)
        self.degraded: set[str] = set()
        self.failures: list[str] = []

    def want(self, **spec: Any) -> None:
        """Change the resource."""
        self.body["spec"] = {**self.body["spec"], **spec}
        self.body["metadata"]["generation"] += 1

    async def until_ready(self) -> None:
        """Make passes until all is as wanted."""
        try:
            async with asyncio.timeout(WITHIN_S):
                for _ in range(3):  # what was just done to it shows first
                    await self.once()
                while not (
                    condition_holds(self.status, "Ready")
                    and self.status["observedGeneration"] == self.body["metadata"]["generation"]
                ):
                    await self.once()
        except TimeoutError:
            ready = next(c for c in self.status["conditions"] if c["type"] == "Ready")
            raise AssertionError(f"not ready: {ready['message']}; {self.failures[-3:]}") from None

    async def once(self) -> None:
        """Let some time pass, and make a pass."""
        await self.cluster.settle()
        try:
            await self.passes.once()
        except Exception as error:
            self.failures.append(f"{type(error).__name__}: {error}")
        self.degraded |= {c["reason"] for c in self.status.get("conditions", []) if c["type"] == "Degraded"}
        await asyncio.sleep(0.1)

    @property
    def status(self) -> dict[str, Any]:
        """What the resource says."""
        status: dict[str, Any] = self.body.get("status", {})
        return status

    def client(self) -> AsyncMongoClient[dict[str, Any]]:
        """A program's client, by the user of the Secret."""
        return AsyncMongoClient(self.secret("user", "uri"), serverSelectionTimeoutMS=20_000)

    def secret(self, name: str, key: str) -> str:
        """What a Secret of the set holds."""
        data: dict[str, str] = self.cluster.objects[Secret, f"{NAME}-{name}"].data
        return base64.b64decode(data[key]).decode()


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    """A set on real mongods."""
    async with daemons(tmp_path) as members:
        live = Live(members)
        try:
            yield live
        finally:
            await live.connections.close()


@pytest.mark.timeout(600)
async def test_the_life_of_a_set(live: Live) -> None:
    """Formed, used, wiped in part, rolled, grown to five and shrunk to three: what was written stays."""
    await live.until_ready()
    formed = live.status["replicaSetId"]
    assert live.status["members"] == "3/3"
    assert live.status["version"].startswith("6.0")
    async with live.client() as client:
        await client.daytrader.things.insert_one({"_id": 1})

        await live.cluster.lose(2)
        await live.until_ready()
        assert live.degraded & {"MembersAway", "MemberWiped"}

        live.body["metadata"]["annotations"]["daytrader.dev/restart"] = "now"
        before = {ordinal: pod.uid for ordinal, pod in live.cluster.pods.items()}
        await live.until_ready()
        assert all(pod.uid != before[ordinal] for ordinal, pod in live.cluster.pods.items())

        live.want(members=5)
        await live.until_ready()
        assert live.status["members"] == "5/5"
        key = live.secret("keyfile", "keyfile")
        config = (await live.connections.connect(key, None).ask(live.members.host(0))).config
        assert config is not None
        assert sorted(m["_id"] for m in config.document["members"]) == [0, 1, 2, 3, 4]
        assert config.document["settings"]["electionTimeoutMillis"] == 3000

        live.want(members=3)
        await live.until_ready()
        for _ in range(5):
            await live.once()
        assert live.members.running == {0, 1, 2}
        assert await client.daytrader.things.find_one() == {"_id": 1}
    assert live.status["replicaSetId"] == formed
    assert [reason for reason, _ in live.cluster.events if reason == "Initiate"] == ["Initiate"]
