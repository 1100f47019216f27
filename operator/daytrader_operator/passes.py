"""One pass over a replica set: look, understand, say how it stands, and take one step."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from lightkube.models.core_v1 import ObjectReference

from daytrader_operator import act, metrics, plan
from daytrader_operator.actions import Aside, Step
from daytrader_operator.desired import KIND, Desired, MongoReplicaSet, desired
from daytrader_operator.diagnosis import diagnose
from daytrader_operator.keeping import Outlook
from daytrader_operator.kubernetes import reference
from daytrader_operator.observe import AsksMembers, ReadsKubernetes, observe
from daytrader_operator.status import changes, condition_holds, status_of


class Cluster(ReadsKubernetes, act.ChangesKubernetes, Protocol):
    """What a pass needs of the Kubernetes API."""

    async def apply_status(self, kind: type[Any], name: str, status: Mapping[str, Any]) -> None:
        """Write the status of a custom resource."""
        ...

    async def event(self, regarding: ObjectReference, reason: str, message: str, *, warning: bool = False) -> None:
        """Tell what was done, or what is wrong."""
        ...


class SetMembers(AsksMembers, act.ChangesMembers, Protocol):
    """What a pass needs of a set's members."""


class Connects(Protocol):
    """Gives a set's members."""

    def connect(self, key: str, authority: str | None) -> SetMembers:
        """Return the members, for the keyfile's text and the certificate authority; the same for the same two."""
        ...

    async def close(self) -> None:
        """Give all connections back."""
        ...


class Passes:
    """Passes over one replica set. They keep nothing that matters: every pass begins with looking."""

    def __init__(self, kubernetes: Cluster, connections: Connects, name: str, domain: str) -> None:
        self._kubernetes = kubernetes
        self._connections = connections
        self._name = name
        self._domain = domain
        self._regarding: ObjectReference | None = None

    async def once(self) -> Outlook:
        """Make one pass, and tell when the next one is worth while.

        Raises:
            KubernetesError, BrokenSecret, PyMongoError: it could not be finished; the next one begins anew.
            msgspec.ValidationError: the resource cannot be understood.
        """
        body = await self._kubernetes.get(MongoReplicaSet, self._name)
        if body is None or body["metadata"].get("deletionTimestamp"):
            return Outlook.SETTLED
        self._regarding = reference(body)
        wanted = self._desired(body)
        before: Mapping[str, Any] = body.get("status") or {}
        seen = await observe(self._kubernetes, self._connections.connect, wanted, before)
        found = diagnose(wanted, seen)
        step = plan.step(wanted, seen, found)
        status = status_of(wanted, seen, found, step, datetime.now(UTC))
        metrics.measure(wanted, seen, found, status)
        members = self._connections.connect(seen.key, seen.authority) if seen.key else None
        if status != before:
            await self._kubernetes.apply_status(MongoReplicaSet, self._name, status)
            for change in changes(before, status):
                await self._tell(change.reason, change.message, warning=change.warning)
        for aside in plan.asides(wanted, seen, found):
            await self._carry_out(members, wanted, aside)
        if step is None or not await self._carry_out(members, wanted, step):
            return Outlook.SETTLED if condition_holds(status, "Ready") else Outlook.WAITING
        metrics.steps.labels(KIND, type(step).__name__).inc()
        await self._tell(type(step).__name__, step.message)
        return Outlook.ACTED

    async def close(self) -> None:
        """Give the connections to the members back."""
        await self._connections.close()

    async def tell_failure(self, why: str) -> None:
        """Record in the resource's events that passes fail, and why."""
        await self._tell("PassFailed", why, warning=True)

    def _desired(self, body: Mapping[str, Any]) -> Desired:
        return desired(body, self._domain)

    async def _carry_out(self, members: SetMembers | None, wanted: Desired, action: Step | Aside) -> bool:
        if not isinstance(action, act.InTheSet):
            return await act.in_kubernetes(self._kubernetes, wanted, action)
        if members is None:
            raise RuntimeError(f"{action} without a keyfile: no plan asks for that")
        await act.in_the_set(members, action)
        return True

    async def _tell(self, reason: str, message: str, *, warning: bool = False) -> None:
        if self._regarding is not None:
            await self._kubernetes.event(self._regarding, reason, message, warning=warning)
