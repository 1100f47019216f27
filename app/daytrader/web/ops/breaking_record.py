"""A ConfigMap with what was done on purpose, and how the mock quote server is told to be: the same for all replicas."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from daytrader.quotes.mock_behaviour import Mood
from daytrader.web.ops.breaking import DEEDS_KEPT, Deed
from daytrader.web.ops.kubernetes_api import ApiError, KubernetesApi
from daytrader.web.ops.pods import Metadata

DEEDS: Final = "deeds.json"
MOOD: Final = "mood"
"""The keys. The pods of the mock quote server mount the second, and nothing else."""

TRIES: Final = 4
"""How often a change is tried again where another replica changed the ConfigMap at the same moment."""


class _ConfigMap(msgspec.Struct, frozen=True):
    metadata: Metadata
    data: Mapping[str, str] = {}


class BreakingRecord:
    """The ConfigMap `name`."""

    def __init__(self, api: KubernetesApi, name: str) -> None:
        self._api = api
        self._resource = f"configmaps/{name}"

    async def deeds(self) -> Sequence[Deed]:
        """Return what was done lately, the newest first. Raises ApiError."""
        return self._deeds_in(await self._read())

    async def note(self, deed: Deed, mood: Mood | None = None) -> None:
        """Keep a deed among the last few, with the mood of the quotes where it changes that. Raises ApiError."""
        for left in reversed(range(TRIES)):
            found = await self._read()
            deeds = [deed, *self._deeds_in(found)][:DEEDS_KEPT]
            data = {DEEDS: msgspec.json.encode(deeds).decode()} | ({} if mood is None else {MOOD: mood})
            version = {"resourceVersion": found.metadata.resource_version}
            try:
                await self._api.merge("api/v1", self._resource, {"metadata": version, "data": data})
            except ApiError as error:
                if error.status != 409 or not left:
                    raise
            else:
                return

    async def _read(self) -> _ConfigMap:
        return await self._api.get("api/v1", self._resource, _ConfigMap)

    def _deeds_in(self, found: _ConfigMap) -> list[Deed]:
        try:
            return msgspec.json.decode(found.data.get(DEEDS, "[]"), type=list[Deed])
        except msgspec.DecodeError as error:
            raise ApiError(f"{DEEDS} in {self._resource} cannot be read, remove that key: {error}") from error
