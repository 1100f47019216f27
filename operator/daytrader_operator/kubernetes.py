"""The Kubernetes API of one namespace, as the operator uses it: server-side apply, eviction, events.

One object is made at startup and kept in kopf's memo (`memo.kubernetes`), where every handler finds it. Each method
raises KubernetesError, whatever went wrong, and every request ends within `TIMEOUT_S`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import httpx2
from lightkube.core.async_client import AsyncClient
from lightkube.core.exceptions import ApiError
from lightkube.core.resource import NamespacedResourceG, api_info
from lightkube.generic_resource import GenericNamespacedResource
from lightkube.models.core_v1 import EventSource, ObjectReference
from lightkube.models.meta_v1 import DeleteOptions, ObjectMeta, Preconditions
from lightkube.resources.core_v1 import Event, PodEviction
from lightkube.types import CascadeType, PatchType

MANAGER: Final = "daytrader-operator"
"""The field manager of everything that the operator applies, and the source of its events."""

TIMEOUT_S: Final = 5.0

_MESSAGE_LIMIT: Final = 1_024
"""Characters of an event's message that the API server takes."""

Named = TypeVar("Named", bound=NamespacedResourceG)
Custom = TypeVar("Custom", bound=GenericNamespacedResource)


class KubernetesError(Exception):
    """A request to the API server failed; the text says which and why. `code` is the HTTP status, 0 without answer."""

    def __init__(self, what: str, error: httpx2.HTTPError) -> None:
        self.code = int(error.status.code or 0) if isinstance(error, ApiError) else 0
        why = str(error) or type(error).__name__
        super().__init__(f"could not {what}: {why}")


def connect(namespace: str) -> "Kubernetes":
    """Return the API of `namespace`, by the pod's service account or, outside a cluster, by KUBECONFIG."""
    client = AsyncClient(namespace=namespace, field_manager=MANAGER, timeout=httpx2.Timeout(TIMEOUT_S))
    return Kubernetes(client, namespace)


class Kubernetes:
    """The objects of one namespace."""

    def __init__(self, client: AsyncClient, namespace: str) -> None:
        self._client = client
        self.namespace = namespace

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.close()

    async def get(self, kind: type[Named], name: str) -> Named | None:
        """Return the object, or None where there is none of that name."""
        try:
            return await self._client.get(kind, name)
        except httpx2.HTTPError as error:
            failure = KubernetesError(f"read {_kind(kind)} {name}", error)
            if failure.code == 404:
                return None
            raise failure from error

    async def list(self, kind: type[Named], labels: Mapping[str, str]) -> list[Named]:
        """Return the objects that carry all of `labels`."""
        try:
            return [found async for found in self._client.list(kind, labels=dict(labels))]
        except httpx2.HTTPError as error:
            raise KubernetesError(f"list {_kind(kind)} with labels {dict(labels)}", error) from error

    async def apply(self, wanted: Named) -> Named:
        """Make the object so, or change it to be so; fields that others own are taken over.

        A field that an earlier `apply` named and this one does not goes away.
        """
        name = _name(wanted)
        try:
            return await self._client.apply(wanted, force=True)
        except httpx2.HTTPError as error:
            raise KubernetesError(f"apply {_kind(type(wanted))} {name}", error) from error

    async def create(self, wanted: Named) -> bool:
        """Make the object; False where one of that name is there already, which is then left as it is."""
        name = _name(wanted)
        try:
            await self._client.create(wanted)
        except httpx2.HTTPError as error:
            failure = KubernetesError(f"create {_kind(type(wanted))} {name}", error)
            if failure.code == 409:
                return False
            raise failure from error
        return True

    async def patch(self, kind: type[Named], name: str, change: Mapping[str, Any]) -> None:
        """Change the object by a JSON merge patch; None removes a field."""
        try:
            await self._client.patch(kind, name, dict(change), patch_type=PatchType.MERGE)
        except httpx2.HTTPError as error:
            raise KubernetesError(f"change {_kind(kind)} {name}", error) from error

    async def set_condition(self, kind: type[Any], name: str, uid: str, condition: Mapping[str, Any]) -> None:
        """Set one condition in the status of the object with that `uid`; another of its name is left alone.

        `kind` is a status subresource, for example PodStatus.
        """
        # Only a strategic merge patch knows that conditions are a map by their type.
        change = {"metadata": {"uid": uid}, "status": {"conditions": [dict(condition)]}}
        try:
            await self._client.patch(kind, name, change, patch_type=PatchType.STRATEGIC)
        except httpx2.HTTPError as error:
            failure = KubernetesError(f"set condition {condition['type']} of {name}", error)
            is_another = failure.code == 422 and "metadata.uid" in str(error)
            if failure.code != 404 and not is_another:
                raise failure from error

    async def apply_status(self, kind: type[Custom], name: str, status: Mapping[str, Any]) -> None:
        """Make `status` the whole of what we say in the status of a custom resource."""
        info = api_info(kind).resource
        wanted = kind.Status(
            apiVersion=info.api_version, kind=info.kind, metadata=ObjectMeta(name=name), status=dict(status)
        )
        try:
            await self._client.patch(kind.Status, name, wanted, patch_type=PatchType.APPLY, force=True)
        except httpx2.HTTPError as error:
            raise KubernetesError(f"write the status of {_kind(kind)} {name}", error) from error

    async def delete(self, kind: type[Named], name: str, *, orphan: bool = False) -> None:
        """Delete the object and what it owns, or with `orphan` the object alone; one that is gone is no error."""
        cascade = CascadeType.ORPHAN if orphan else CascadeType.BACKGROUND
        try:
            await self._client.delete(kind, name, cascade=cascade)
        except httpx2.HTTPError as error:
            failure = KubernetesError(f"delete {_kind(kind)} {name}", error)
            if failure.code != 404:
                raise failure from error

    async def evict(self, pod: str, uid: str) -> bool:
        """Evict the pod if it still is the one with that `uid`.

        False where a PodDisruptionBudget forbids it for now. A pod that is gone is no error.
        """
        eviction = PodEviction(
            metadata=ObjectMeta(name=pod, namespace=self.namespace),
            deleteOptions=DeleteOptions(preconditions=Preconditions(uid=uid)),
        )
        try:
            await self._client.create(eviction, pod)
        except httpx2.HTTPError as error:
            failure = KubernetesError(f"evict pod {pod}", error)
            if failure.code == 429:
                return False
            if failure.code != 404:
                raise failure from error
        return True

    async def event(self, regarding: ObjectReference, reason: str, message: str, *, warning: bool = False) -> None:
        """Tell what was done to an object, or what is wrong with it, and why: `kubectl describe` shows it."""
        now = datetime.now(UTC)
        told = Event(
            metadata=ObjectMeta(generateName=f"{regarding.name}.", namespace=self.namespace),
            involvedObject=regarding,
            type="Warning" if warning else "Normal",
            reason=reason,
            message=message[:_MESSAGE_LIMIT],
            source=EventSource(component=MANAGER),
            reportingComponent=MANAGER,
            firstTimestamp=now,
            lastTimestamp=now,
            count=1,
        )
        try:
            await self._client.create(told)
        except httpx2.HTTPError as error:
            raise KubernetesError(f"record event {reason} of {regarding.name}", error) from error


def reference(body: Mapping[str, Any]) -> ObjectReference:
    """Return what an event names its object by, from the object as kopf or a custom resource gives it."""
    metadata = body["metadata"]
    return ObjectReference(
        apiVersion=body["apiVersion"],
        kind=body["kind"],
        name=metadata["name"],
        namespace=metadata["namespace"],
        uid=metadata["uid"],
        resourceVersion=metadata.get("resourceVersion"),
    )


def _kind(kind: type[Any]) -> str:
    return str(api_info(kind).resource.kind)


def _name(wanted: Any) -> str:
    return str(wanted.metadata.name)
