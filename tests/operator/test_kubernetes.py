"""What goes to the API server, and how its answers are taken."""

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from lightkube.config.kubeconfig import KubeConfig
from lightkube.config.models import Cluster, User
from lightkube.core.async_client import AsyncClient
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apps_v1 import StatefulSet
from lightkube.resources.core_v1 import PodStatus, Secret

from daytrader_operator.desired import MongoReplicaSet
from daytrader_operator.kubernetes import MANAGER, Kubernetes, KubernetesError, reference
from tests.operator.sets import body


def api(answers: Callable[[httpx2.Request], httpx2.Response]) -> Kubernetes:
    """The API of namespace `trading`, with these answers."""
    config = KubeConfig.from_one(cluster=Cluster(server="http://server"), user=User(token="t")).get()
    client = AsyncClient(config, "trading", field_manager=MANAGER, transport=httpx2.MockTransport(answers))
    return Kubernetes(client, "trading")


class Server:
    """Answers with one code and object, and remembers what it was asked."""

    def __init__(self, code: int = 200, answer: dict[str, Any] | None = None) -> None:
        self.requests: list[httpx2.Request] = []
        self._code = code
        self._answer = answer if answer is not None else {"metadata": {"name": "x"}}

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        return httpx2.Response(self._code, json=self._answer)

    @property
    def sent(self) -> dict[str, Any]:
        """The object that the last request carried."""
        found: dict[str, Any] = json.loads(self.requests[-1].content)
        return found

    def api(self) -> Kubernetes:
        """The API of namespace `trading`."""
        return api(self)


def failure(code: int, message: str = "no") -> dict[str, Any]:
    """What the API server says when it refuses."""
    return {"kind": "Status", "status": "Failure", "code": code, "message": message}


async def test_what_is_not_there_is_none() -> None:
    """404 is an answer; every other failure is an error that says what was tried, and carries the code."""
    assert await Server(404, failure(404)).api().get(Secret, "x") is None
    with pytest.raises(KubernetesError, match="could not read Secret x: no") as caught:
        await Server(403, failure(403)).api().get(Secret, "x")
    assert caught.value.code == 403


async def test_a_server_that_cannot_be_reached() -> None:
    """Without an answer the code is 0, and the message is not empty."""

    def silent(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ReadTimeout("", request=request)

    with pytest.raises(KubernetesError, match="ReadTimeout") as caught:
        await api(silent).get(Secret, "x")
    assert caught.value.code == 0


async def test_objects_are_applied_by_one_manager() -> None:
    """Server-side apply, forced, with kind and apiVersion."""
    server = Server()
    await server.api().apply(Secret(metadata=ObjectMeta(name="x", namespace="trading"), data={"a": "Yg=="}))
    request = server.requests[0]
    assert (request.method, request.url.path) == ("PATCH", "/api/v1/namespaces/trading/secrets/x")
    assert request.headers["Content-Type"] == "application/apply-patch+yaml"
    assert dict(request.url.params) == {"fieldManager": MANAGER, "force": "true"}
    assert server.sent["kind"] == "Secret"


async def test_what_is_there_is_not_created_again() -> None:
    """409 means that somebody else was first."""
    secret = Secret(metadata=ObjectMeta(name="x"))
    assert await Server(201).api().create(secret)
    assert not await Server(409, failure(409)).api().create(secret)


async def test_the_status_is_a_subresource() -> None:
    """The whole status of a custom resource is applied, with apiVersion and kind."""
    server = Server()
    await server.api().apply_status(MongoReplicaSet, "x", {"members": "3/3"})
    path = "/apis/daytrader.dev/v1alpha1/namespaces/trading/mongoreplicasets/x/status"
    assert server.requests[0].url.path == path
    assert server.sent["status"] == {"members": "3/3"}
    assert (server.sent["apiVersion"], server.sent["kind"]) == ("daytrader.dev/v1alpha1", "MongoReplicaSet")


async def test_a_condition_is_set_on_one_pod() -> None:
    """By a strategic merge patch that names the uid; a pod that is gone or another one is left alone."""
    server = Server()
    condition = {"type": "t", "status": "True"}
    await server.api().set_condition(PodStatus, "x", "uid-1", condition)
    assert server.requests[0].url.path == "/api/v1/namespaces/trading/pods/x/status"
    assert server.requests[0].headers["Content-Type"] == "application/strategic-merge-patch+json"
    assert server.sent == {"metadata": {"uid": "uid-1"}, "status": {"conditions": [condition]}}
    await Server(404, failure(404)).api().set_condition(PodStatus, "x", "uid-1", condition)
    await (
        Server(422, failure(422, "metadata.uid: field is immutable"))
        .api()
        .set_condition(PodStatus, "x", "u", condition)
    )
    with pytest.raises(KubernetesError):
        await Server(422, failure(422, "another reason")).api().set_condition(PodStatus, "x", "u", condition)


async def test_eviction_obeys_the_budget() -> None:
    """429 is "not now"; a pod that is gone is evicted; the uid goes along."""
    server = Server(201, {"kind": "Status", "status": "Success"})
    assert await server.api().evict("x", "uid-1")
    assert server.requests[0].url.path == "/api/v1/namespaces/trading/pods/x/eviction"
    assert server.sent["deleteOptions"]["preconditions"] == {"uid": "uid-1"}
    assert not await Server(429, failure(429)).api().evict("x", "uid-1")
    assert await Server(404, failure(404)).api().evict("x", "uid-1")


async def test_a_stateful_set_can_go_without_its_pods() -> None:
    """The propagation policy says so; one that is gone already is no error."""
    server = Server(200, {"kind": "Status"})
    await server.api().delete(StatefulSet, "x", orphan=True)
    assert dict(server.requests[0].url.params) == {"propagationPolicy": "Orphan"}
    await Server(404, failure(404)).api().delete(StatefulSet, "x")


async def test_events_name_their_object() -> None:
    """An event carries reason, message (cut to what the server takes) and the object."""
    server = Server(201, {"metadata": {}, "involvedObject": {}})
    await server.api().event(reference(body()), "Roll", "why " * 1000, warning=True)
    assert (server.sent["type"], server.sent["reason"]) == ("Warning", "Roll")
    assert len(server.sent["message"]) == 1024
    assert server.sent["involvedObject"]["uid"] == "own"
    assert server.sent["source"] == {"component": MANAGER}
