"""Replica sets as the tests of pure parts take them: wanted, and observed in every state."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId

from daytrader_operator import resources
from daytrader_operator.config import first
from daytrader_operator.desired import Desired, desired
from daytrader_operator.facts import Certificate, Config, Credentials, Document, Mongod, Observed, Pod, Says, Workload

NAME = "dt-data-set"
NAMESPACE = "trading"
OURS = ObjectId(b"our own set ")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY = "the text of the keyfile"
CERTIFICATE = Certificate("server", "authority", "print")


def body(**spec: Any) -> dict[str, Any]:
    """The resource."""
    labels = {"app.kubernetes.io/instance": "dt", "app.kubernetes.io/component": "data-set"}
    return {
        "apiVersion": "daytrader.dev/v1alpha1",
        "kind": "MongoReplicaSet",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "uid": "own", "generation": 4, "labels": labels},
        "spec": {"members": 3, **spec},
    }


def wanted(**spec: Any) -> Desired:
    """What the resource asks for."""
    return desired(body(**spec), "cluster.local")


def config(of: Desired, *ordinals: int, version: int = 7) -> Config:
    """A configuration of these members."""
    document: Document = first(of.name, of.host(0))
    document["members"] = [{"_id": number, "host": of.host(ordinal)} for number, ordinal in enumerate(ordinals)]
    document["settings"]["replicaSetId"] = OURS
    return Config({**document, "version": version, "term": 2})


def whole(of: Desired) -> Observed:
    """All is as wanted: member 0 is the primary."""
    ordinals = range(of.spec.members)
    peers = {of.host(ordinal): "SECONDARY" for ordinal in ordinals} | {of.host(0): "PRIMARY"}
    mongods = {
        of.host(ordinal): Mongod(
            Says.CONFIGURED,
            config=config(of, *ordinals),
            state="PRIMARY" if ordinal == 0 else "SECONDARY",
            writable=ordinal == 0,
            term=2,
            applied=NOW,
            peers=peers,
            version="8.0.4",
            certificate="print" if of.spec.tls else "",
        )
        for ordinal in ordinals
    }
    pods = {n: Pod(of.pod(n), f"uid-{n}", "now", running=True, leaving=False, in_the_set=True) for n in ordinals}
    credentials = Credentials("daytrader", "secret", resources.uri(of, "daytrader", "secret"))
    certificate = CERTIFICATE if of.spec.tls else None
    return Observed(
        status={"replicaSetId": str(OURS), "served": [of.pod(ordinal) for ordinal in ordinals]},
        key=KEY,
        credentials=credentials,
        certificate=certificate,
        mounted=certificate,
        workload=Workload(replicas=of.spec.members, revision="now", settled=True, storage=of.spec.storage.size),
        applied={
            "Service": resources.applied_digest(resources.service(of).metadata),
            "PodDisruptionBudget": resources.applied_digest(resources.disruption_budget(of).metadata),
            "StatefulSet": resources.applied_digest(resources.stateful_set(of, KEY, 3).metadata),
        },
        pods=pods,
        volumes=dict.fromkeys(ordinals, of.spec.storage.size),
        mongods=mongods,
        user_is_made=True,
    )


def with_mongod(observed: Observed, host: str, **facts: Any) -> Observed:
    """The same, but for what one member says."""
    return replace(observed, mongods={**observed.mongods, host: replace(observed.mongods[host], **facts)})


def with_pod(observed: Observed, ordinal: int, **facts: Any) -> Observed:
    """The same, but for one pod."""
    return replace(observed, pods={**observed.pods, ordinal: replace(observed.pods[ordinal], **facts)})


def behind(seconds: float) -> datetime:
    """A moment so long before the primary's."""
    return NOW - timedelta(seconds=seconds)
