"""Breaking a local cluster on purpose, by its supervisor: kills, stopped members, slow and failing quotes."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Final

from daytrader.local.supervisor import NotStarted, Supervisor
from daytrader.quotes.mock_behaviour import mood_of
from daytrader.web.ops.breaking import QUOTES, Breakage, BreakageError, Deed, Deeds

KILL_AFTER: Final = 0.5
"""Seconds: the web process that asks may be the one that is killed, and has to answer first."""


class ClusterBreaking:
    """What can be done to the processes of a supervisor.

    `services` are killed, and the supervisor starts them again; `members` (name -> port) are stopped, and started again
    when asked.
    The mock quote server does as the word in the file `mood` says.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        services: Sequence[str],
        members: Mapping[str, int | None],
        mood: Path,
        clock: Callable[[], int],
        say: Callable[[str], None],
    ) -> None:
        self._supervisor = supervisor
        self._services = services
        self._members = members
        self._mood = mood
        self._say = say
        self._deeds = Deeds(clock)
        self._tasks: set[asyncio.Task[None]] = set()

    async def offers(self) -> Sequence[Breakage]:
        """Return what can be done as the processes stand."""
        held = {one.name for one in self._supervisor.standings() if one.state == "held"}
        services = [_kill(name) for name in self._services]
        members = [(_start if name in held else _stop)(name, port) for name, port in self._members.items()]
        return [*services, *members, *QUOTES]

    async def do(self, name: str, records: Mapping[str, int]) -> str:
        """Do it, or begin to. Raises BreakageError."""
        verb, _, what = name.partition(" ")
        if name not in {offer.name for offer in await self.offers()}:
            raise BreakageError(f"{name!r} cannot be done at present: look at the page again")
        if verb == "kill":
            self._begin(name, self._kill(what))
            return self._deeds.note(f"{what} was killed (SIGKILL)", records)
        if verb == "stop":
            self._begin(name, self._supervisor.hold(what, "it stays stopped until it is started again"))
            return self._deeds.note(f"{what} was stopped", records)
        if verb == "start":
            self._begin(name, self._supervisor.release(what))
            return self._deeds.note(f"{what} was started again", records)
        mood = mood_of(what) or "well"
        await asyncio.to_thread(self._mood.write_text, mood)
        return self._deeds.note(f"quotes are {mood}", records)

    async def deeds(self) -> Sequence[Deed]:
        """Return what was done lately."""
        return self._deeds.all()

    async def _kill(self, name: str) -> None:
        await asyncio.sleep(KILL_AFTER)
        self._supervisor.kill(name)

    def _begin(self, name: str, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(self._told(name, work), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _told(self, name: str, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except (NotStarted, OSError) as error:
            self._say(f"{name}: {error}")

    async def close(self) -> None:
        """Leave off what was begun."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _kill(name: str) -> Breakage:
    if name.startswith("web"):
        felt = "connections to it break, and clients send again to another; with a single web process nobody connects"
    elif name.startswith("transaction"):
        felt = "its partitions go to another replica, or wait until it is back; commands under way are sent again"
    else:
        felt = "the log stands still until it is back and has caught up; trading goes on"
    says = f"The process {name} is killed at once (SIGKILL), and started again by the supervisor. Meanwhile {felt}."
    return Breakage(f"kill {name}", "Services", f"Kill {name}", says)


def _stop(name: str, port: int | None) -> Breakage:
    says = (
        f"The mongod {name} is stopped and stays stopped until you start it again. Two of three members are a "
        "majority, and go on; where it was the primary, writes wait some seconds for another to be elected. With two "
        "of one set stopped nothing is written."
    )
    return Breakage(f"stop {name}", "Members", f"Stop {name} (:{port})", says)


def _start(name: str, port: int | None) -> Breakage:
    says = f"The mongod {name} is started again, and takes in what it missed."
    return Breakage(f"start {name}", "Members", f"Start {name} (:{port})", says, mends=True)
