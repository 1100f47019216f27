"""The objects that make a replica set: StatefulSet, headless Service, disruption budget and Secrets. All of it is pure.

How a member's health reaches Kubernetes
    The image need hold nothing but mongod and a shell, so no probe can ask a member for its state. The kubelet probes
    the port (mongod listens as soon as its storage is sound, in initial sync too), and mongod's own watchdog ends a
    member whose disk hangs. That a member is PRIMARY or SECONDARY is a readiness gate: a pod condition that the
    operator sets from what it sees. While no operator runs, the gates keep their last value, so members stay Ready; a
    pod made meanwhile is not Ready until somebody has looked at it, and the disruption budget lets no further one be
    evicted. A sidecar that asks would cost some 40 MB of memory a member, for the same answer.

Who keeps what
    The resource owns all of them, so they go with it by garbage collection, with or without an operator. Only the
    volumes stay. The Secrets go too: a set that is installed again gets a new keyfile, which its members start with,
    and its user is set anew.
"""

import base64
import hashlib
from collections.abc import Mapping
from typing import Final, TypeVar
from urllib.parse import quote

import msgspec
from lightkube.models.apps_v1 import (
    StatefulSetPersistentVolumeClaimRetentionPolicy,
    StatefulSetSpec,
    StatefulSetUpdateStrategy,
)
from lightkube.models.core_v1 import (
    PersistentVolumeClaim,
    PersistentVolumeClaimSpec,
    ServicePort,
    ServiceSpec,
    VolumeResourceRequirements,
)
from lightkube.models.meta_v1 import LabelSelector, ObjectMeta, OwnerReference
from lightkube.models.policy_v1 import PodDisruptionBudgetSpec
from lightkube.resources.apps_v1 import StatefulSet
from lightkube.resources.core_v1 import Secret, Service
from lightkube.resources.policy_v1 import PodDisruptionBudget

from daytrader_operator.desired import GROUP, KIND, PORT, SET_LABEL, VERSION, Desired
from daytrader_operator.facts import Certificate, Credentials, Document
from daytrader_operator.kubernetes import MANAGER
from daytrader_operator.pod import DATA, pod_template

APPLIED: Final = "daytrader.dev/applied"
"""Annotation: the digest of what was applied, so that an object is applied only when something else is wanted."""

_URI_HOSTS: Final = 3

Digested = TypeVar("Digested", StatefulSet, Service, PodDisruptionBudget)


def keyfile_name(desired: Desired) -> str:
    """The name of the Secret with the keyfile."""
    return f"{desired.name}-keyfile"


def user_name(desired: Desired) -> str:
    """The name of the Secret that programs connect by."""
    return f"{desired.name}-user"


def certificate_name(desired: Desired) -> str:
    """The name of the Secret with the members' certificate as mongod wants it."""
    return f"{desired.name}-tls-pem"


def keyfile(desired: Desired, key: str) -> Secret:
    """The Secret with the keyfile."""
    return Secret(metadata=_metadata(desired, keyfile_name(desired)), data=encoded({"keyfile": key}))


def user(desired: Desired, username: str, password: str) -> Secret:
    """The Secret that programs connect by: `username`, `password` and `uri`."""
    facts = {"username": username, "password": password, "uri": uri(desired, username, password)}
    return Secret(metadata=_metadata(desired, user_name(desired)), data=encoded(facts))


def uri(desired: Desired, username: str, password: str) -> str:
    """The MongoDB URI of the set; the first members are enough, for they name the others."""
    who = f"{quote(username, safe='')}:{quote(password, safe='')}"
    where = ",".join(desired.hosts[:_URI_HOSTS])
    tls = "&tls=true" if desired.spec.tls else ""
    return f"mongodb://{who}@{where}/{desired.spec.database}?replicaSet={desired.name}&authSource=admin{tls}"


def create_user(desired: Desired, credentials: Credentials) -> Document:
    """The createUser command for the user of the Secret.

    Its custom data tell which password it was made with (by a digest, of 256 random bits), which MongoDB itself does
    not say.
    """
    digest = hashlib.sha256(credentials.password.encode()).hexdigest()
    return {
        "createUser": credentials.username,
        "pwd": credentials.password,
        "roles": [
            {"role": "readWrite", "db": desired.spec.database},
            {"role": "clusterMonitor", "db": "admin"},
        ],
        "mechanisms": ["SCRAM-SHA-256"],
        "customData": {"password": digest},
    }


def certificate(desired: Desired, found: Certificate) -> Secret:
    """The Secret with certificate and key in one file, and the authority beside it."""
    files = {"server.pem": found.server, "ca.crt": found.authority}
    return Secret(metadata=_metadata(desired, certificate_name(desired)), data=encoded(files))


def service(desired: Desired) -> Service:
    """The headless Service that gives every member its stable name."""
    return _digested(
        Service(
            metadata=_metadata(desired, desired.name),
            spec=ServiceSpec(
                clusterIP="None",
                # Members find each other by these names before they are ready, or they never would be.
                publishNotReadyAddresses=True,
                selector=_selector(desired),
                ports=[ServicePort(name="mongodb", port=PORT, targetPort="mongodb")],
            ),
        )
    )


def disruption_budget(desired: Desired) -> PodDisruptionBudget:
    """One member at a time may be evicted; one that is not in service may always."""
    return _digested(
        PodDisruptionBudget(
            metadata=_metadata(desired, desired.name),
            spec=PodDisruptionBudgetSpec(
                maxUnavailable=1,
                selector=LabelSelector(matchLabels=_selector(desired)),
                # Else a member that cannot start could never be replaced by one that can.
                unhealthyPodEvictionPolicy="AlwaysAllow",
            ),
        )
    )


def stateful_set(desired: Desired, key: str, replicas: int) -> StatefulSet:
    """The members' pods and volumes; the digest is the same for every number of `replicas`.

    `key` is the keyfile's text: with another one the pods are others too.
    """
    claim = PersistentVolumeClaim(
        metadata=ObjectMeta(name=DATA, labels=_selector(desired)),
        spec=PersistentVolumeClaimSpec(
            accessModes=["ReadWriteOnce"],
            storageClassName=desired.spec.storage.className,
            resources=VolumeResourceRequirements(requests={"storage": desired.spec.storage.size}),
        ),
    )
    digested = _digested(
        StatefulSet(
            metadata=_metadata(desired, desired.name),
            spec=StatefulSetSpec(
                serviceName=desired.name,
                selector=LabelSelector(matchLabels=_selector(desired)),
                template=pod_template(
                    desired, labels(desired), _digest(key), keyfile_name(desired), certificate_name(desired)
                ),
                volumeClaimTemplates=[claim],
                # All at once: a member that waits for the one before to be ready may wait for itself.
                podManagementPolicy="Parallel",
                # Which member is replaced when depends on which one is primary, so the operator does it.
                updateStrategy=StatefulSetUpdateStrategy(type="OnDelete"),
                persistentVolumeClaimRetentionPolicy=StatefulSetPersistentVolumeClaimRetentionPolicy(
                    whenDeleted="Retain", whenScaled="Retain"
                ),
                revisionHistoryLimit=5,
            ),
        )
    )
    assert digested.spec is not None  # noqa: S101 - made above
    digested.spec.replicas = replicas
    return digested


def labels(desired: Desired) -> dict[str, str]:
    """The labels of everything that belongs to the set."""
    own = desired.metadata.labels
    return {
        "app.kubernetes.io/name": "daytrader",
        "app.kubernetes.io/instance": own.get("app.kubernetes.io/instance", desired.name),
        "app.kubernetes.io/component": own.get("app.kubernetes.io/component", "mongodb"),
        "app.kubernetes.io/part-of": "daytrader",
        "app.kubernetes.io/managed-by": MANAGER,
        **_selector(desired),
    }


def applied_digest(metadata: ObjectMeta | None) -> str:
    """The digest of what was applied, as an object that is there or is to be there carries it."""
    annotations: Mapping[str, str] = (metadata.annotations if metadata else None) or {}
    return annotations.get(APPLIED, "")


def encoded(texts: Mapping[str, str]) -> dict[str, str]:
    """The `data` of a Secret."""
    return {name: base64.b64encode(text.encode()).decode() for name, text in texts.items()}


def _selector(desired: Desired) -> dict[str, str]:
    return {SET_LABEL: desired.name}


def _metadata(desired: Desired, name: str) -> ObjectMeta:
    owner = OwnerReference(
        apiVersion=f"{GROUP}/{VERSION}", kind=KIND, name=desired.name, uid=desired.metadata.uid, controller=True
    )
    return ObjectMeta(
        name=name,
        namespace=desired.metadata.namespace,
        labels=labels(desired),
        annotations={},
        ownerReferences=[owner],
    )


def _digested(wanted: Digested) -> Digested:
    text = msgspec.json.encode(wanted, order="deterministic").decode()
    if wanted.metadata is not None and wanted.metadata.annotations is not None:
        wanted.metadata.annotations[APPLIED] = _digest(text)
    return wanted


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
