"""Carrying one action of a plan out."""

import secrets
from collections.abc import Mapping
from typing import Any, Final, Protocol, TypeVar

from lightkube.core.resource import NamespacedResourceG
from lightkube.resources.apps_v1 import StatefulSet
from lightkube.resources.core_v1 import PersistentVolumeClaim, PodStatus, Secret

from daytrader_operator import actions as a
from daytrader_operator import resources
from daytrader_operator.desired import Desired
from daytrader_operator.facts import Document
from daytrader_operator.pod import IN_THE_SET

USERNAME: Final = "daytrader"

_BYTES: Final = 32
"""256 random bits, for the keyfile and for the user's password."""

Named = TypeVar("Named", bound=NamespacedResourceG)


class ChangesKubernetes(Protocol):
    """What is needed of the Kubernetes API; see `Kubernetes` for what each does."""

    async def apply(self, wanted: Named) -> Named:
        """Make the object so."""
        ...

    async def create(self, wanted: Named) -> bool:
        """Make the object, unless one is there."""
        ...

    async def patch(self, kind: type[Named], name: str, change: Mapping[str, Any]) -> None:
        """Change the object."""
        ...

    async def set_condition(self, kind: type[Any], name: str, uid: str, condition: Mapping[str, Any]) -> None:
        """Set a condition of the object."""
        ...

    async def delete(self, kind: type[Named], name: str, *, orphan: bool = False) -> None:
        """Delete the object."""
        ...

    async def evict(self, pod: str, uid: str) -> bool:
        """Evict the pod; False: not now."""
        ...


class ChangesMembers(Protocol):
    """What is needed of the members; see `Members` for what each does."""

    async def initiate(self, host: str, config: Document) -> None:
        """Make the member a set of its own."""
        ...

    async def reconfigure(self, primary: str, config: Document) -> None:
        """Put a configuration into force."""
        ...

    async def step_down(self, primary: str) -> None:
        """Let another member become primary."""
        ...

    async def make_user(self, primary: str, user: Document) -> None:
        """Make the user, or make it so."""
        ...

    async def rotate_certificates(self, host: str) -> None:
        """Let the member read its certificate again."""
        ...


InTheSet = a.Initiate | a.Reconfigure | a.StepDown | a.MakeUser | a.RotateCertificate
"""What is said to members."""

InKubernetes = (
    a.MakeKeyfile
    | a.MakeUserSecret
    | a.ApplyUri
    | a.ApplyCertificate
    | a.MakeService
    | a.MakeDisruptionBudget
    | a.MakeStatefulSet
    | a.DropStatefulSet
    | a.GrowVolume
    | a.Replace
    | a.SetGate
)
"""What is done through the API server."""


async def in_the_set(members: ChangesMembers, action: InTheSet) -> None:
    """Carry an action out on the members.

    Raises PyMongoError: it was refused, or perhaps done and only the answer is lost; the next observation shows which.
    """
    match action:
        case a.Initiate(host, config):
            await members.initiate(host, config)
        case a.Reconfigure(primary, config):
            await members.reconfigure(primary, config)
        case a.StepDown(primary):
            await members.step_down(primary)
        case a.MakeUser(primary, user):
            await members.make_user(primary, user)
        case a.RotateCertificate(host):
            await members.rotate_certificates(host)


async def in_kubernetes(kubernetes: ChangesKubernetes, desired: Desired, action: InKubernetes) -> bool:
    """Carry an action out through the API server; False: it has to wait.

    That is where the disruption budget forbids it now, or a Secret of an earlier installation is not collected yet.

    Raises KubernetesError.
    """
    match action:
        case a.MakeKeyfile():
            return await kubernetes.create(resources.keyfile(desired, secrets.token_hex(_BYTES)))
        case a.MakeUserSecret():
            return await kubernetes.create(resources.user(desired, USERNAME, secrets.token_urlsafe(_BYTES)))
        case a.ApplyUri(credentials):
            uri = resources.uri(desired, credentials.username, credentials.password)
            await kubernetes.patch(Secret, resources.user_name(desired), {"data": resources.encoded({"uri": uri})})
        case a.ApplyCertificate(certificate):
            await kubernetes.apply(resources.certificate(desired, certificate))
        case a.MakeService():
            await kubernetes.apply(resources.service(desired))
        case a.MakeDisruptionBudget():
            await kubernetes.apply(resources.disruption_budget(desired))
        case a.MakeStatefulSet(key, replicas):
            await kubernetes.apply(resources.stateful_set(desired, key, replicas))
        case a.DropStatefulSet():
            await kubernetes.delete(StatefulSet, desired.name, orphan=True)
        case a.GrowVolume(claim, size):
            grown = {"spec": {"resources": {"requests": {"storage": size}}}}
            await kubernetes.patch(PersistentVolumeClaim, claim, grown)
        case a.Replace(pod, uid):
            return await kubernetes.evict(pod, uid)
        case a.SetGate(pod, uid, in_the_set):
            condition = {"type": IN_THE_SET, "status": "True" if in_the_set else "False"}
            await kubernetes.set_condition(PodStatus, pod, uid, condition)
    return True
