"""Keeping local processes alive: what dies unasked is started again with back-off, and everybody is told in words."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

from daytrader.local.ports import answers, is_free
from daytrader.local.process import Process, Program, ending

_POLL_S = 0.05
_PORT_WITHIN_S = 5.0


class NotStarted(RuntimeError):
    """A program did not get ready; the text says what became of it and ends with the last lines of its log."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """The pauses, in seconds, before a process that died is started again: doubled from `first_s` up to `last_s`.

    A process that ran for `steady_s` is forgiven everything before.
    """

    first_s: float = 0.2
    last_s: float = 5.0
    steady_s: float = 10.0

    def attempt_after(self, attempt: int, ran_s: float) -> int:
        """The number of the next attempt (from 1) after attempt number `attempt` ran for `ran_s` seconds."""
        return 1 if ran_s >= self.steady_s else attempt + 1

    def pause_s(self, attempt: int) -> float:
        """Seconds to wait before this attempt (from 1)."""
        return min(self.last_s, self.first_s * 2.0 ** min(attempt - 1, 16))


@dataclass(frozen=True, slots=True)
class Standing:
    """How a supervised process stands: `restarts` counts those since it was first started, `pid` is None when down."""

    name: str
    state: Literal["starting", "running", "restarting", "held"]
    pid: int | None
    restarts: int


class Supervisor:
    """Starts programs by groups, keeps them running, and stops them in the reverse order.

    What is started in one call is independent of each other: it starts and stops side by side. Use it as a context
    manager, which stops everything at the end, or call `stop_all`.
    """

    def __init__(self, say: Callable[[str], None], backoff: Backoff | None = None) -> None:
        self._say = say
        self._backoff = backoff or Backoff()
        self._groups: list[list[_Watched]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop_all()

    async def start(self, *programs: Program) -> None:
        """Starts the programs side by side and waits until all are ready.

        Raises NotStarted when one ends or is not ready in time; then none of them is left running.
        """
        for program in programs:
            if any(watched.process.program.name == program.name for watched in self._all()):
                raise ValueError(f"a process named {program.name!r} is supervised already: choose another name.")
        group = [_Watched(Process(program), self._say, self._backoff) for program in programs]
        self._groups.append(group)
        outcomes = await asyncio.gather(*(watched.start() for watched in group), return_exceptions=True)
        failures = [outcome for outcome in outcomes if outcome is not None]
        if failures:
            await asyncio.gather(*(watched.stop() for watched in group))
            self._groups.remove(group)
            raise failures[0]

    async def hold(self, name: str, then: str = "run it from the working tree in its place, then release it") -> None:
        """Stops a process and leaves it stopped, so that somebody can run another build in its place, for example."""
        watched = self._named(name)
        await watched.stop()
        self._say(f"{name} is stopped and held: {then}")

    def kill(self, name: str) -> None:
        """Ends a process at once, as if it had died by itself: it is started again."""
        self._named(name).process.strike()

    async def release(self, name: str) -> None:
        """Starts a held process again and waits until it is ready. Raises NotStarted."""
        await self._named(name).start()
        self._say(f"{name} is released and runs again")

    def standings(self) -> tuple[Standing, ...]:
        """How every process stands, in the order of start."""
        return tuple(watched.standing() for watched in self._all())

    async def stop_all(self) -> None:
        """Stops everything, group by group, the last started first; what is stopping is not started again."""
        for watched in self._all():
            watched.unwatch()
        while self._groups:
            await asyncio.gather(*(watched.stop() for watched in self._groups[-1]))
            self._groups.pop()

    def _all(self) -> list["_Watched"]:
        return [watched for group in self._groups for watched in group]

    def _named(self, name: str) -> "_Watched":
        for watched in self._all():
            if watched.process.program.name == name:
                return watched
        known = ", ".join(watched.process.program.name for watched in self._all()) or "none"
        raise KeyError(f"no process is named {name!r}: these run here: {known}.")


class _Watched:
    """One process and the task that starts it again."""

    def __init__(self, process: Process, say: Callable[[str], None], backoff: Backoff) -> None:
        self.process = process
        self._say = say
        self._backoff = backoff
        self._restarts = 0
        self._watch: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    def standing(self) -> Standing:
        name, pid = self.process.program.name, self.process.pid
        if self._watch is None:
            return Standing(name, "held" if pid is None else "starting", pid, self._restarts)
        return Standing(name, "restarting" if pid is None else "running", pid, self._restarts)

    async def start(self) -> None:
        async with self._turn:
            await self._port_is_free()
            await self.process.start()
            try:
                await self._ready()
            except BaseException:
                await self.process.kill()
                raise
            self._watch = asyncio.create_task(self._keep_running(), name=f"watch {self.process.program.name}")
            self._watch.add_done_callback(self._watch_ended)

    async def stop(self) -> None:
        async with self._turn:
            if self._watch is not None:
                self.unwatch()
                await asyncio.wait({self._watch})  # it may be in the middle of a start
                self._watch = None
            await self.process.stop()

    def unwatch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()

    async def _keep_running(self) -> None:
        name, log = self.process.program.name, self.process.program.log
        attempt = 0
        while True:
            began = asyncio.get_running_loop().time()
            status = await self.process.wait()
            attempt = self._backoff.attempt_after(attempt, asyncio.get_running_loop().time() - began)
            await asyncio.sleep(self._backoff.pause_s(attempt))
            why = ending(status) if status < 0 else f"{ending(status)} (see {log})"
            try:
                await self.process.start()
            except OSError as error:
                self._say(f"{name} {why}; it could not be started again, attempt {attempt}: {error}")
                continue
            self._restarts += 1
            self._say(f"{name} {why}; started again, attempt {attempt}")

    def _watch_ended(self, watch: asyncio.Task[None]) -> None:
        if not watch.cancelled() and (error := watch.exception()) is not None:
            self._say(f"{self.process.program.name} is no longer supervised, which is a defect: {error!r}")

    async def _port_is_free(self) -> None:
        """Waits a moment for the one before to let go of the port; otherwise its answer would pass for ours."""
        port = self.process.program.port
        deadline = asyncio.get_running_loop().time() + _PORT_WITHIN_S
        while port is not None and not is_free(port):
            if asyncio.get_running_loop().time() > deadline:
                raise NotStarted(
                    f"{self.process.program.name} cannot start: port {port} on 127.0.0.1 is in use by another program; "
                    "end that one."
                )
            await asyncio.sleep(_POLL_S)

    async def _ready(self) -> None:
        program = self.process.program
        try:
            async with asyncio.timeout(program.ready_within_s):
                while not await self._says_ready():
                    if self.process.pid is None:
                        raise self._not_started(ending(await self.process.wait()) + " before it was ready")
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise self._not_started(f"was not ready within {program.ready_within_s:g} s") from None

    async def _says_ready(self) -> bool:
        program = self.process.program
        if program.ready is not None:
            return await program.ready()
        return program.port is None or await answers(program.port)

    def _not_started(self, what: str) -> NotStarted:
        program = self.process.program
        return NotStarted(f"{program.name} {what}; the end of {program.log}:\n{self.process.last_words()}")
