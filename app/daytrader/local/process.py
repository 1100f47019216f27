"""A child process that this program owns: it is started, watched and ended here, and never outlives its parent."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Program:
    """What to run, and how to know that it runs.

    `env` is added to this process's own environment. Output of both kinds is appended to `log`. The program counts as
    ready when `ready` says so, without it when `port` accepts connections, without both at once. Times in seconds.
    """

    name: str
    argv: Sequence[str]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    port: int | None = None
    ready: Callable[[], Awaitable[bool]] | None = None
    ready_within_s: float = 30.0
    grace_s: float = 10.0


class Process:
    """A running `Program`, at most one at a time.

    It has a session of its own, so that a terminal's Ctrl-C reaches only the parent, which then ends its children in
    order. On Linux the kernel kills it when the thread that started it ends: call `start` from a thread that lives as
    long as the program does.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self._child: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """The process's id, None when it does not run."""
        return self._child.pid if self._child is not None and self._child.returncode is None else None

    async def start(self) -> None:
        """Starts the program. Raises OSError when it cannot be executed."""
        if self.pid is not None:
            raise RuntimeError(f"{self.program.name} is already running as process {self.pid}: stop it first.")
        self.program.log.parent.mkdir(parents=True, exist_ok=True)
        with self.program.log.open("ab") as log:
            self._child = await asyncio.create_subprocess_exec(
                *self.program.argv,
                env=os.environ | self.program.env,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with(os.getpid()),
            )

    async def wait(self) -> int:
        """Waits for the end of the process; the exit status, or minus the signal that killed it."""
        if self._child is None:
            raise RuntimeError(f"{self.program.name} was never started.")
        return await self._child.wait()

    async def stop(self) -> None:
        """Asks the process to end (SIGTERM) and kills it when it has not done so within its grace period."""
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)  # a frozen process would hear the SIGTERM only when it is let go
        try:
            async with asyncio.timeout(self.program.grace_s):
                await self._ended()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """Ends the process at once (SIGKILL)."""
        self.strike()
        await self._ended()

    def strike(self) -> None:
        """Sends SIGKILL and does not wait for the end."""
        self._signal(signal.SIGKILL)

    def last_words(self, lines: int = 5) -> str:
        """The last lines of the process's log, at most 2,000 characters of them."""
        if not self.program.log.exists():
            return ""
        with self.program.log.open("rb") as log:
            log.seek(max(0, self.program.log.stat().st_size - 2_000))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])

    async def _ended(self) -> None:
        if self._child is not None:
            await self._child.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):  # it ended just now
                os.killpg(self.pid, number)


def ending(status: int) -> str:
    """How a process ended, in words, from what `Process.wait` gave."""
    if status >= 0:
        return f"ended with exit status {status}"
    return f"died with signal {-status} ({signal.Signals(-status).name})"


def _die_with(parent: int) -> Callable[[], None] | None:
    """What the child does before it becomes the program: binds its life to its parent's, however that one ends."""
    if _libc is None:
        return None
    libc = _libc

    def bind() -> None:
        # SIGKILL, not SIGTERM: no one is left who could see that a SIGTERM was not enough.
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent ended before the line above took effect
            os._exit(1)

    return bind
