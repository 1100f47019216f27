"""Looking at objects of every kind, and asking only members that can answer."""
# ruff: noqa: ARG002 - members that all say the same need not look at what they are asked

import base64
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
import trustme
from lightkube.core.resource import api_info

from daytrader_operator import resources
from daytrader_operator.facts import Document, Mongod, Observed, Says
from daytrader_operator.observe import BrokenSecret, fingerprint, observe
from tests.operator.sets import NAME, body, config, wanted
from tests.operator.stand_in import StandIn

SPEC = wanted()


class Asked:
    """Members that all say the same."""

    def __init__(self, says: Mongod) -> None:
        self.keys: list[tuple[str, str | None]] = []
        self.kept: frozenset[str] = frozenset()
        self.users: list[Document] = []
        self._says = says

    def connect(self, key: str, authority: str | None) -> "Asked":
        """Remember the credentials."""
        self.keys.append((key, authority))
        return self

    async def keep(self, hosts: frozenset[str]) -> None:
        """Remember the hosts."""
        self.kept = hosts

    async def ask(self, host: str) -> Mongod:
        """Say it."""
        return self._says

    async def user_is(self, primary: str, user: Document) -> bool:
        """Remember the user."""
        self.users.append(user)
        return True


def encoded(**texts: str) -> dict[str, str]:
    """The data of a Secret."""
    return {name.replace("_", "."): base64.b64encode(text.encode()).decode() for name, text in texts.items()}


def pod(ordinal: int, **status: Any) -> dict[str, Any]:
    """A pod as the API gives it."""
    labels = {"daytrader.dev/replica-set": NAME, "controller-revision-hash": "r1"}
    running = {"name": "mongodb", "image": "", "imageID": "", "ready": True, "restartCount": 0}
    return {
        "metadata": {"name": SPEC.pod(ordinal), "uid": f"uid-{ordinal}", "labels": labels},
        "status": {"containerStatuses": [{**running, "state": {"running": {}}}], **status},
    }


def put(there: StandIn, found: Any) -> None:
    """Put an object of the operator's there."""
    document: dict[str, Any] = msgspec.to_builtins(found)
    parts = {part: value for part, value in document.items() if part not in {"kind", "apiVersion"}}
    there.put(api_info(found).resource.kind, document["metadata"]["name"], **parts)


@pytest.fixture
def there() -> StandIn:
    """A namespace with all objects of a set, and one pod."""
    stand_in = StandIn()
    objects = (
        resources.keyfile(SPEC, "the key"),
        resources.user(SPEC, "daytrader", "secret"),
        resources.service(SPEC),
        resources.disruption_budget(SPEC),
        resources.stateful_set(SPEC, "the key", 3),
    )
    for found in objects:
        put(stand_in, found)
    stand_in.objects["StatefulSet", NAME]["metadata"]["generation"] = 2
    stand_in.objects["StatefulSet", NAME]["status"] = {"replicas": 3, "updateRevision": "r2", "observedGeneration": 2}
    gate = {"type": "daytrader.dev/in-the-set", "status": "True"}
    stand_in.put("Pod", SPEC.pod(0), **pod(0, conditions=[gate]))
    return stand_in


async def seen(there: StandIn, asked: Asked, status: Mapping[str, Any] | None = None, **spec: Any) -> Observed:
    return await observe(there, asked.connect, wanted(**spec), status or {})


async def test_everything_is_seen(there: StandIn) -> None:
    """Key, credentials, digests, StatefulSet, pod and volumes; only a member with a pod is asked."""
    claim = {"metadata": {"name": f"data-{NAME}-1", "labels": {"daytrader.dev/replica-set": NAME}}}
    claim["spec"] = {"resources": {"requests": {"storage": "1Gi"}}}
    there.put("PersistentVolumeClaim", f"data-{NAME}-1", **claim)
    asked = Asked(Mongod(Says.EMPTY))
    observed = await seen(there, asked)
    assert observed.key == "the key"
    assert observed.credentials is not None
    assert observed.credentials.uri == resources.uri(SPEC, "daytrader", "secret")
    assert observed.applied == {
        "StatefulSet": resources.applied_digest(resources.stateful_set(SPEC, "the key", 3).metadata),
        "Service": resources.applied_digest(resources.service(SPEC).metadata),
        "PodDisruptionBudget": resources.applied_digest(resources.disruption_budget(SPEC).metadata),
    }
    assert observed.workload is not None
    assert (observed.workload.replicas, observed.workload.revision, observed.workload.settled) == (3, "r2", True)
    assert observed.volumes == {1: "1Gi"}
    found = observed.pods[0]
    assert (found.uid, found.revision, found.running, found.leaving, found.in_the_set) == (
        "uid-0",
        "r1",
        True,
        False,
        True,
    )
    assert observed.mongods == {SPEC.host(0): Mongod(Says.EMPTY)}
    assert asked.kept == {SPEC.host(0)}
    assert asked.keys == [("the key", None)]
    assert asked.users == []


async def test_the_primary_is_asked_for_the_user(there: StandIn) -> None:
    """Whether the user of the Secret is made as wanted."""
    primary = Mongod(Says.CONFIGURED, config=config(SPEC, 0), state="PRIMARY", writable=True)
    asked = Asked(primary)
    assert (await seen(there, asked)).user_is_made
    assert asked.users[0]["createUser"] == "daytrader"


async def test_without_a_keyfile_nobody_is_asked(there: StandIn) -> None:
    """Before there is one, or where it belongs to an earlier installation and is about to be collected."""
    there.objects["Secret", f"{NAME}-keyfile"]["metadata"]["ownerReferences"][0]["uid"] = "earlier"
    asked = Asked(Mongod(Says.EMPTY))
    observed = await seen(there, asked)
    assert observed.key is None
    assert observed.mongods == {}
    assert asked.keys == []


async def test_a_secret_that_lacks_a_key_is_said(there: StandIn) -> None:
    """The message names the Secret and the key, and says what to do."""
    del there.objects["Secret", f"{NAME}-user"]["data"]["uri"]
    with pytest.raises(BrokenSecret, match=rf"Secret {NAME}-user has no uri: delete it"):
        await seen(there, Asked(Mongod(Says.EMPTY)))


async def test_why_a_container_does_not_run(there: StandIn) -> None:
    """The kubelet's word, or that no node takes the pod."""
    waiting = {"name": "mongodb", "image": "", "imageID": "", "ready": False, "restartCount": 0}
    waiting["state"] = {"waiting": {"reason": "ImagePullBackOff"}}
    there.put("Pod", SPEC.pod(1), **pod(1, containerStatuses=[waiting]))
    unscheduled = [{"type": "PodScheduled", "status": "False"}]
    there.put("Pod", SPEC.pod(2), **pod(2, containerStatuses=[], conditions=unscheduled))
    pods = (await seen(there, Asked(Mongod(Says.EMPTY)))).pods
    assert (pods[1].running, pods[1].trouble) == (False, "ImagePullBackOff")
    assert (pods[2].running, pods[2].trouble, pods[2].in_the_set) == (False, "Unschedulable", None)


async def test_the_certificate_is_put_together(there: StandIn) -> None:
    """Certificate and key become one text, known by the certificate's fingerprint; its authority is believed."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    chain = "".join(part.bytes().decode() for part in issued.cert_chain_pems)
    key, ca = issued.private_key_pem.bytes().decode(), authority.cert_pem.bytes().decode()
    there.put("Secret", "source", data=encoded(tls_crt=chain, tls_key=key, ca_crt=ca))
    asked = Asked(Mongod(Says.EMPTY))
    observed = await seen(there, asked, tls={"secretName": "source"})
    assert observed.certificate is not None
    assert observed.certificate.fingerprint == fingerprint(chain)
    assert observed.certificate.server == f"{chain.strip()}\n{key.strip()}\n"
    assert observed.mounted is None
    assert asked.keys == [("the key", ca)]
    put(there, resources.certificate(SPEC, observed.certificate))
    again = await seen(there, asked, tls={"secretName": "source"})
    assert again.mounted == again.certificate
    there.put("Secret", "source", data={})
    lost = await seen(there, asked, tls={"secretName": "source"})
    assert lost.certificate is None
    assert asked.keys[-1] == ("the key", ca), "the members are asked by the authority that they were given"


async def test_what_others_made_is_no_member(there: StandIn) -> None:
    """A pod with the labels of the set, but another name, is left out."""
    for name in ("copy-of-a-member", f"other-{NAME}-1", f"{NAME}-debug"):
        there.put("Pod", name, **{**pod(1), "metadata": {**pod(1)["metadata"], "name": name}})
    assert set((await seen(there, Asked(Mongod(Says.EMPTY)))).pods) == {0}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (None, "there is no Secret source: make it"),
        (encoded(tls_crt="x", tls_key="y"), "Secret source has no ca.crt"),
        (encoded(tls_crt="x", tls_key="y", ca_crt="z"), "tls.crt in Secret source cannot be used"),
    ],
)
async def test_a_certificate_that_cannot_be_used(there: StandIn, data: dict[str, str] | None, why: str) -> None:
    """It is said why, and no member is asked without TLS."""
    if data is not None:
        there.put("Secret", "source", data=data)
    asked = Asked(Mongod(Says.EMPTY))
    observed = await seen(there, asked, tls={"secretName": "source"})
    assert observed.certificate is None
    assert why in observed.why_no_certificate
    assert asked.keys == []


def test_the_resource_is_understood() -> None:
    """What is left out has the CRD's defaults; what is not of the schema is refused."""
    assert SPEC.hosts[0] == f"{NAME}-0.{NAME}.trading.svc.cluster.local:27017"
    assert (SPEC.spec.oplogMB, SPEC.spec.cacheGB, SPEC.spec.database) == (512, 0.25, "daytrader")
    assert SPEC.member(SPEC.host(1)) == f"{NAME}-1"
    assert SPEC.member("10.0.0.1:27017") == "10.0.0.1:27017"
    with pytest.raises(msgspec.ValidationError, match=r"\$\.members"):
        wanted(members="many")
    assert body()["kind"] == "MongoReplicaSet"
