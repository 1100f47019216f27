"""What a MongoReplicaSet resource asks for."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, Literal

import msgspec
from lightkube.generic_resource import create_namespaced_resource
from lightkube.models.core_v1 import (
    Affinity,
    LocalObjectReference,
    ResourceRequirements,
    Toleration,
    TopologySpreadConstraint,
)

from daytrader.mongo import DATABASE

GROUP: Final = "daytrader.dev"
VERSION: Final = "v1alpha1"
KIND: Final = "MongoReplicaSet"
PORT: Final = 27017

RESTART: Final = "daytrader.dev/restart"
"""Annotation: with any new text every member is restarted, one after the other."""

ACCEPT_DATA_LOSS: Final = "daytrader.dev/accept-data-loss"
"""Annotation: the id of a set whose data are lost for good and which may be made anew, empty."""

ORDINALS: Final = 50
"""MongoDB's limit on members."""

SET_LABEL: Final = "daytrader.dev/replica-set"

MongoReplicaSet = create_namespaced_resource(GROUP, VERSION, KIND, "mongoreplicasets")

STABLE_NAME: Final = "{pod}.{set}.{namespace}.svc.{domain}:27017"
"""A member's address: the DNS name that it keeps wherever its pod runs, never an IP."""


class Storage(msgspec.Struct, frozen=True):
    """The volume of each member."""

    size: str = "1Gi"
    className: str | None = None  # noqa: N815 - the resource's own spelling, here and below


class Tls(msgspec.Struct, frozen=True):
    """The kubernetes.io/tls Secret that the members' certificate comes from."""

    secretName: str  # noqa: N815


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """The `spec` of the resource; its schema, limits and defaults are those of the CRD."""

    members: int = 3
    image: str = "mongo:8.0"
    imagePullPolicy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"  # noqa: N815
    imagePullSecrets: list[LocalObjectReference] = []  # noqa: N815
    storage: Storage = Storage()
    cacheGB: float = 0.25  # noqa: N815
    oplogMB: int = 512  # noqa: N815
    resources: ResourceRequirements | None = None
    database: str = DATABASE
    tls: Tls | None = None
    nodeSelector: dict[str, str] = {}  # noqa: N815
    tolerations: list[Toleration] = []
    affinity: Affinity | None = None
    topologySpreadConstraints: list[TopologySpreadConstraint] = []  # noqa: N815
    podAnnotations: dict[str, str] = {}  # noqa: N815
    priorityClassName: str | None = None  # noqa: N815


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """Of the resource's metadata, what matters here."""

    name: str
    namespace: str
    uid: str
    generation: int = 1
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Desired(msgspec.Struct, frozen=True, kw_only=True):
    """One replica set as it is wanted."""

    metadata: Metadata
    spec: Spec
    domain: str
    address: str = STABLE_NAME
    """How a member's `host:port` follows from `pod`, `set`, `namespace`, `domain` and `ordinal`."""

    @property
    def name(self) -> str:
        """The name of the resource, of the replica set, of its StatefulSet and of its Service."""
        return self.metadata.name

    @property
    def restart(self) -> str | None:
        """What the restart annotation says."""
        return self.metadata.annotations.get(RESTART)

    @property
    def accepted_loss(self) -> str | None:
        """The id of the set whose loss is accepted."""
        return self.metadata.annotations.get(ACCEPT_DATA_LOSS)

    def pod(self, ordinal: int) -> str:
        """The name of a member's pod."""
        return f"{self.name}-{ordinal}"

    def host(self, ordinal: int) -> str:
        """The `host:port` of a member."""
        return self._names()[ordinal]

    def is_own(self, host: str) -> bool:
        """Whether a member of this set could have that `host:port`."""
        return host in self._names()

    def _names(self) -> tuple[str, ...]:
        return _names(self.address, self.name, self.metadata.namespace, self.domain)

    def member(self, host: str) -> str:
        """The short name of a member: that of its pod, where the host is of this set."""
        pod = host.partition(".")[0]
        return pod if pod.startswith(f"{self.name}-") else host

    @property
    def hosts(self) -> tuple[str, ...]:
        """The `host:port` of every member that is wanted, by ordinal."""
        return self._names()[: self.spec.members]


@lru_cache(maxsize=16)
def _names(address: str, name: str, namespace: str, domain: str) -> tuple[str, ...]:
    return tuple(
        address.format(pod=f"{name}-{ordinal}", set=name, namespace=namespace, domain=domain, ordinal=ordinal)
        for ordinal in range(ORDINALS)
    )


def desired(body: Mapping[str, Any], domain: str, address: str = STABLE_NAME) -> Desired:
    """Return what the resource asks for, in a cluster of this DNS `domain`.

    Raises:
        msgspec.ValidationError: the resource is not of the schema that this operator knows.
    """
    return Desired(
        metadata=msgspec.convert(body["metadata"], Metadata),
        spec=msgspec.convert(body.get("spec", {}), Spec, strict=False),
        domain=domain,
        address=address,
    )
