"""Breaking a local cluster from one of its own processes: by the control of the `daytrader up` that runs it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from daytrader.local.cluster_breaking import ClusterBreaking
from daytrader.local.control import ControlError, NotRunningError, ask
from daytrader.web.ops.breaking import Breakage, BreakageError, Deed

_Told = TypeVar("_Told")


class ControlBreaking:
    """Asks the installation whose control file is in `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def offers(self) -> Sequence[Breakage]:
        """Return what can be done at present. Raises BreakageError."""
        return _told(await self._ask(do="breakable"), "offers", list[Breakage])

    async def do(self, name: str, records: Mapping[str, int]) -> str:
        """Do it, or begin to. Raises BreakageError."""
        return _told(await self._ask(do="break", name=name, records=dict(records)), "did", str)

    async def deeds(self) -> Sequence[Deed]:
        """Return what was done lately. Raises BreakageError."""
        return _told(await self._ask(do="breakable"), "deeds", list[Deed])

    async def _ask(self, **what: Any) -> dict[str, Any]:
        try:
            return await ask(self._directory, **what)
        except (NotRunningError, ControlError, OSError, TimeoutError) as error:
            raise BreakageError(str(error) or "no answer in time") from error


async def answer(breaking: ClusterBreaking, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the control answers to `asked`. Raises ValueError with a sentence."""
    try:
        if asked["do"] == "break":
            return {"did": await breaking.do(str(asked["name"]), msgspec.convert(asked["records"], dict[str, int]))}
        offers, deeds = await breaking.offers(), await breaking.deeds()
        told: dict[str, Any] = msgspec.to_builtins({"offers": offers, "deeds": deeds})
        return told
    except (BreakageError, KeyError, msgspec.ValidationError) as error:
        raise ValueError(str(error)) from error


def _told(answer: Mapping[str, Any], name: str, kind: type[_Told]) -> _Told:
    try:
        return msgspec.convert(answer[name], kind)
    except (KeyError, msgspec.ValidationError) as error:
        raise BreakageError(f"the supervisor's answer cannot be read: {error}") from error
