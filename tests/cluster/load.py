"""A steady load from inside the cluster: a `Workload` that the operator runs, and what its client saw."""

import secrets
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from tests.cluster.installation import Installation
from tests.cluster.kubectl import Object
from tests.cluster.shell import require, wait_until
from tests.cluster.world import World

RATE: Final = 100
"""Commands a second: enough that every moment without service shows, and little for two cores with all else on them."""

USERS: Final = 100

START_SECONDS: Final = 120.0
"""In which a Workload's pod is scheduled, reads the log so far, and sends."""

VERIFY_SECONDS: Final = 300.0
"""In which the log is read and verified after the load."""


class Load:
    """A Workload; as a context it is under way inside, and deleted afterwards."""

    def __init__(
        self,
        world: World,
        installation: Installation,
        *,
        seconds: int,
        rate: int | None = RATE,
        connections: int = USERS,
        users: int = USERS,
        name: str = "load",
        verify: bool = True,
    ) -> None:
        """A `rate` of None is a closed loop over so many `connections`."""
        self._say = world.say
        self._kubectl = installation.kubectl
        self.name = f"{name}-{secrets.token_hex(3)}"
        self.seconds = seconds
        commands = (rate or 6_000) * (seconds + 5)
        loop: Object = {"open": {"rate": rate}} if rate else {"closed": {"connections": connections}}
        self._object: Object = {
            "apiVersion": "daytrader.dev/v1alpha1",
            "kind": "Workload",
            "metadata": {"name": self.name, "namespace": installation.namespace},
            "spec": {
                "made": {"users": users, "commands": commands},
                "loop": loop,
                "duration": f"{seconds}s",
                "verify": verify,
            },
        }

    def __enter__(self) -> Self:
        """Start, and return when commands are being sent (or were: a short load may be over)."""
        self._kubectl.apply(self._object)
        wait_until(f"workload {self.name} to send", self._sends, seconds=START_SECONDS)
        return self

    def _sends(self) -> bool:
        status = self._status()
        if status.get("phase") in ("Succeeded", "Failed"):
            return True
        job = status.get("job")
        return bool(job) and "/s, " in self._kubectl("logs", f"job/{job}", "--tail=3")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove it, unless something failed: then it is kept for a look."""
        if kind is None:
            self._kubectl.delete("wl", self.name)

    def phase(self) -> str:
        """Return the phase: Pending, Running, Succeeded or Failed."""
        return str(self._status().get("phase") or "Pending")

    def still_running(self, doing: str) -> None:
        """Raise CaseFailedError where the load ended before what was to be done under it."""
        status = self._status()
        require(
            status.get("phase") == "Running",
            f"the load of {self.seconds} s was over before {doing}: {status.get('message')}; it may need more time",
        )

    def result(self) -> Object:
        """Wait until it has ended and is verified; return its status."""
        limit = self.seconds + VERIFY_SECONDS
        wait_until(
            f"workload {self.name} to end", lambda: self.phase() in ("Succeeded", "Failed"), seconds=limit, every=2
        )
        return self._status()

    def _status(self) -> Object:
        status: Object = self._kubectl.get("wl", self.name).get("status") or {}
        return status


def disturbed(
    world: World,
    installation: Installation,
    strike: Callable[[], None],
    *,
    seconds: int = 40,
    before: float = 3.0,
    longest_gap_s: float = 15.0,
    rate: int = RATE,
    users: int = USERS,
) -> Object:
    """Strike under a steady load, and hold the client's history against what is promised; return the load's status.

    The load lasts `seconds`; `strike` begins after `before` seconds of it, and must be over before it is.
    """
    with Load(world, installation, seconds=seconds, rate=rate, users=users) as load:
        time.sleep(before)
        load.still_running("it was disturbed")
        strike()
        load.still_running("the disturbance was")
        status = load.result()
        record(world, status)
        held_to(status, longest_gap_s)
    return status


def record(world: World, status: Object) -> None:
    """Record what a load's client saw."""
    for name, key in (("commands", "commands"), ("failed", "failed"), ("sent again", "retried")):
        world.figure(name, int(status.get(key, 0)))
    world.figure("longest gap, s", status.get("longestGapMs", 0) / 1000)
    world.figure("lost or doubled", "none" if status.get("verified") == "yes" else str(status.get("message")))


def held_to(status: Object, longest_gap_s: float) -> None:
    """Raise CaseFailedError where anything failed, was lost or doubled, or service was away for too long."""
    said = status.get("message")
    require(status.get("failed") == 0, f"{status.get('failed')} commands failed: {said}")
    require(status.get("verified") == "yes", f"verified is {status.get('verified')}: {said}")
    gap = status["longestGapMs"] / 1000
    require(gap < longest_gap_s, f"no acknowledgement for {gap:.1f} s, {longest_gap_s:g} s were allowed")
    require(status["phase"] == "Succeeded", f"the workload's phase is {status['phase']}: {said}")
