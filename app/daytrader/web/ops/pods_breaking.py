"""Breaking an installation on Kubernetes on purpose, by its API: pods are deleted, the mock quote server is told."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from daytrader.quotes.mock_behaviour import mood_of
from daytrader.web.ops.breaking import Breakage, BreakageError, Deed
from daytrader.web.ops.breaking_record import BreakingRecord
from daytrader.web.ops.kubernetes_api import ApiError, KubernetesApi
from daytrader.web.ops.pods import KILL_GRACE_S, Pod, Pods, ReplicaSet, ReplicaSets, offers_of, pod_of

FRESH_S: Final = 2.0
"""Seconds for which what was seen is shown: every live page asks."""


class _Seen(msgspec.Struct, frozen=True):
    pods: Sequence[Pod]
    sets: Sequence[ReplicaSet]
    deeds: Sequence[Deed]


class PodsBreaking:
    """What can be done to the pods whose label app.kubernetes.io/instance is `instance`.

    `record` is the name of the ConfigMap in which what was done is kept, so that every web replica shows it.
    """

    def __init__(self, api: KubernetesApi, instance: str, record: str, clock: Callable[[], int]) -> None:
        self._api = api
        self._selector = f"app.kubernetes.io/name=daytrader,app.kubernetes.io/instance={instance}"
        self._record = BreakingRecord(api, record)
        self._clock = clock
        self._looking = asyncio.Lock()
        self._seen: _Seen | ApiError | None = None
        self._seen_at = 0.0

    async def offers(self) -> Sequence[Breakage]:
        """Return what can be done as the pods were within the last two seconds. Raises BreakageError."""
        seen = await self._lately()
        return offers_of(seen.pods, seen.sets)

    async def do(self, name: str, records: Mapping[str, int]) -> str:
        """Do it, or begin to: a pod that is deleted ends in its own time. Raises BreakageError."""
        seen = await self._look()
        if name not in {offer.name for offer in offers_of(seen.pods, seen.sets)}:
            raise BreakageError(f"{name!r} cannot be done at present: look at the page again")
        at = self._clock()
        if name.startswith("quotes "):
            mood = mood_of(name.removeprefix("quotes "))
            did = f"the mock quote server was told to be {mood}"
            await self._record.note(Deed(at, did, dict(records)), mood)
        else:
            did = await self._delete(name, seen.pods)
            try:
                await self._record.note(Deed(at, did, dict(records)))
            except ApiError as error:
                raise BreakageError(f"{did}, but that could not be noted: {error}") from error
        self._seen = None
        return did

    async def deeds(self) -> Sequence[Deed]:
        """Return what was done lately, by whichever web replica. Raises BreakageError."""
        return (await self._lately()).deeds

    async def _delete(self, name: str, pods: Sequence[Pod]) -> str:
        pod = pod_of(name, pods)
        if pod is None:
            raise BreakageError(f"{name!r} is about no pod that runs: look at the page again")
        kills = name.startswith("kill ")
        try:
            await self._api.delete_pod(pod.name, pod.metadata.uid, KILL_GRACE_S if kills else None)
        except ApiError as error:
            if error.status in (404, 409):
                raise BreakageError(f"the pod {pod.name} was replaced meanwhile: look at the page again") from error
            raise
        finally:
            self._seen = None
        return f"the pod {pod.name} was {'killed' if kills else 'deleted'}"

    async def _lately(self) -> _Seen:
        async with self._looking:
            if self._seen is None or time.monotonic() - self._seen_at > FRESH_S:
                try:
                    self._seen = await self._look()
                except ApiError as error:
                    self._seen = error
                self._seen_at = time.monotonic()
            if isinstance(self._seen, ApiError):
                raise BreakageError(str(self._seen)) from self._seen
            return self._seen

    async def _look(self) -> _Seen:
        pods, sets, deeds = await asyncio.gather(
            self._api.get("api/v1", "pods", Pods, labelSelector=self._selector),
            self._api.get("apis/daytrader.dev/v1alpha1", "mongoreplicasets", ReplicaSets, labelSelector=self._selector),
            self._record.deeds(),
        )
        return _Seen(pods.items, sets.items, deeds)
