"""A stand-in for the API of one namespace: objects in memory, as the parts under test get and change them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import uuid4

import httpx2
import msgspec
from lightkube.core.resource import NamespacedResourceG, api_info
from lightkube.generic_resource import GenericNamespacedResource
from lightkube.models.core_v1 import ObjectReference

from daytrader_operator.kubernetes import Kubernetes, KubernetesError

NAMESPACE = "trading"

Named = TypeVar("Named", bound=NamespacedResourceG)
Custom = TypeVar("Custom", bound=GenericNamespacedResource)
Document = dict[str, Any]


class StandIn(Kubernetes):
    """Answers as the API server would, as far as the parts under test ask."""

    def __init__(self) -> None:
        """There is nothing in it yet."""
        self.namespace = NAMESPACE
        self.objects: dict[tuple[str, str], Document] = {}
        """By kind and name, as JSON."""
        self.events: list[tuple[str, str, str, bool]] = []
        """Name of the object, reason, message, whether it is a warning."""
        self.writes: list[str] = []
        """What was written, in order."""
        self.down = False
        """Whether every request fails."""
        self._version = 0

    def put(self, kind: str, name: str, **parts: Any) -> Document:
        """Put an object there, as anybody else would; `metadata` is added to."""
        self._version += 1
        metadata = {"name": name, "namespace": NAMESPACE, "uid": str(uuid4()), "resourceVersion": str(self._version)}
        metadata["creationTimestamp"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        made = {**parts, "kind": kind, "metadata": metadata | parts.get("metadata", {})}
        self.objects[kind, name] = made
        return made

    async def get(self, kind: type[Named], name: str) -> Named | None:
        """Return the object."""
        self._be_up()
        found = self.objects.get((_kind(kind), name))
        return None if found is None else _typed(kind, found)

    async def list(self, kind: type[Named], labels: Mapping[str, str]) -> list[Named]:
        """Return the objects with these labels."""
        self._be_up()
        return [
            _typed(kind, found)
            for (of, _), found in self.objects.items()
            if of == _kind(kind) and labels.items() <= found["metadata"].get("labels", {}).items()
        ]

    async def create(self, wanted: Named) -> bool:
        """Make the object unless there is one of its name."""
        self._be_up()
        document = msgspec.to_builtins(wanted)
        kind, name = _kind(type(wanted)), document["metadata"]["name"]
        if (kind, name) in self.objects:
            return False
        self.writes.append(f"create {kind} {name}")
        self.put(kind, name, **{part: value for part, value in document.items() if part != "kind"})
        return True

    async def patch(self, kind: type[Named], name: str, change: Mapping[str, Any]) -> None:
        """Merge the change; one that names an old resourceVersion is refused."""
        self._be_up()
        found = self.objects[_kind(kind), name]
        version = change.get("metadata", {}).get("resourceVersion")
        if version not in {None, found["metadata"]["resourceVersion"]}:
            raise KubernetesError(f"change {name}", httpx2.HTTPError("the object has been modified"))
        self.writes.append(f"patch {_kind(kind)} {name}")
        self._version += 1
        _merge(found, change)
        found["metadata"]["resourceVersion"] = str(self._version)

    async def apply_status(self, kind: type[Custom], name: str, status: Mapping[str, Any]) -> None:
        """Replace the status."""
        self._be_up()
        self.writes.append(f"status {name}")
        self.objects[_kind(kind), name]["status"] = msgspec.json.decode(msgspec.json.encode(dict(status)))

    async def event(self, regarding: ObjectReference, reason: str, message: str, *, warning: bool = False) -> None:
        """Keep the event."""
        self._be_up()
        self.events.append((str(regarding.name), reason, message, warning))

    def _be_up(self) -> None:
        if self.down:
            raise KubernetesError("ask", httpx2.HTTPError("connection refused"))


def _typed(kind: type[Named], document: Document) -> Named:
    # Custom resources are plain dictionaries.
    return kind(document) if issubclass(kind, dict) else msgspec.convert(document, kind)


def _kind(kind: type[Any]) -> str:
    return str(api_info(kind).resource.kind)


def _merge(target: Document, change: Mapping[str, Any]) -> None:
    for name, value in change.items():
        if value is None:
            target.pop(name, None)
        elif isinstance(value, Mapping):
            _merge(target.setdefault(name, {}), value)
        else:
            target[name] = value
