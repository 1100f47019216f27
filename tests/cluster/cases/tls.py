"""TLS everywhere: at web itself, between the services, of MongoDB and of Redis."""

import base64
import socket
import time
from functools import partial
from typing import Final

from tests.cluster.case import case
from tests.cluster.cases.conforming import conforms, run_files, slow_triggers
from tests.cluster.certificates import PARTS, Authority, secret_name, shown_serial
from tests.cluster.helm import Values
from tests.cluster.installation import Installation
from tests.cluster.load import Load, disturbed
from tests.cluster.reach import Way, ways
from tests.cluster.shell import CaseFailedError, require, wait_until
from tests.cluster.world import World

SECURED: Final[Values] = {
    "tls": {part: {"enabled": True, "secretName": secret_name(part)} for part in PARTS},
    "ingress": {"enabled": False},
}

LISTENERS: Final = {
    "web": ("web", 8080),
    "transaction": ("internal", 8080),
    "audit": ("internal", 8080),
    "data-set": ("mongodb", 27017),
    "audit-set": ("mongodb", 27017),
    "redis": ("redis", 6379),
}
"""The part whose certificate a component shows, and at which port."""

AUTHORITY: Final = Authority()
"""Of all certificates of one run."""


@case("tls", minutes=20)
def _(world: World) -> None:
    """With TLS everywhere the conformance cases hold and the workload files run and verify; plain text is refused."""
    installation = secured(world)
    for component, (_part, port) in LISTENERS.items():
        pod = installation.pod(component)["metadata"]["name"]
        with installation.kubectl.forwarded(f"pod/{pod}", port) as local:
            require(not _answers_plainly(local), f"{component} answers in plain text at {port}")
    world.figure("ports that speak TLS only", len(LISTENERS))
    way, authority = way_of(installation), AUTHORITY.write(world.out() / "ca.crt")
    world.figure("helm test", "passed" if "Succeeded" in installation.helm.test() else "failed")
    run_files(world, way, authority, token=installation.token("admin"))
    slow_triggers(installation, SECURED)
    conforms(world, [way], authority, token=installation.token("broker"))


@case("tls-throughput", minutes=15)
def _(world: World) -> None:
    """Commands a second in a closed loop with TLS everywhere and without, side by side."""
    plain, closed = world.installation(), secured(world)
    for name, installation in (("plain", plain), ("TLS", closed)):
        with Load(world, installation, seconds=25, rate=None, connections=100, name="throughput") as load:
            status = load.result()
            for what, key in (("commands/s", "tps"), ("p50, ms", "p50Ms"), ("p99, ms", "p99Ms")):
                world.figure(f"{name}: {what}", float(status[key]))
            require(status["failed"] == 0, f"{name}: {status['failed']} commands failed: {status.get('message')}")
            require(status["verified"] == "yes", f"{name}: verified is {status['verified']}: {status.get('message')}")


@case("tls-renewed", minutes=15)
def _(world: World) -> None:
    """Renewed certificates are taken up everywhere under load, without a restart: nothing fails, nothing is lost."""
    installation = secured(world)
    before = _containers(installation)

    def strike() -> None:
        serials = {part: AUTHORITY.issue(installation, part) for part in PARTS}
        for component, (part, port) in LISTENERS.items():
            for pod in installation.pods(component):
                name = pod["metadata"]["name"]
                world.say(f"   waiting for {name}")
                shows = partial(_shows, installation, name, port, serials[part])
                wait_until(f"{name} to show the new certificate", shows, seconds=240, every=2)
        world.figure("new certificates everywhere, s", time.monotonic() - began)

    began = time.monotonic()
    disturbed(world, installation, strike, seconds=280, rate=50)
    require(_containers(installation) == before, "a container was started anew, or a pod replaced")
    installation.remove()


def secured(world: World) -> Installation:
    """Return an installation of its own with TLS everywhere; one of an earlier run, with another CA, goes first."""
    installation = world.another("tls")
    kubectl = installation.kubectl
    if installation.helm.status():
        known = kubectl.get("secret", secret_name("web"))["data"]["ca.crt"]
        if base64.b64decode(known) == AUTHORITY.certificate:
            installation.upgrade(SECURED)
            return installation
        installation.remove()
    installation.make_namespace()
    for part in PARTS:
        AUTHORITY.issue(installation, part)
    began = time.monotonic()
    installation.install(SECURED)
    world.figure("helm install --wait with TLS, s", time.monotonic() - began)
    return installation


def way_of(installation: Installation) -> Way:
    """Return the way to web that speaks TLS."""
    return next(way for way in ways(installation, scheme="https") if way.name in ("NodePort", "E2E_URL"))


def _containers(installation: Installation) -> set[tuple[str, int]]:
    """Return the pods and how often their containers were started anew."""
    return {
        (pod["metadata"]["uid"], status["restartCount"])
        for component in LISTENERS
        for pod in installation.pods(component)
        for status in pod["status"]["containerStatuses"]
    }


def _shows(installation: Installation, pod: str, port: int, serial: int) -> bool:
    with installation.kubectl.forwarded(f"pod/{pod}", port) as local:
        try:
            return shown_serial("127.0.0.1", local) == serial
        except OSError as error:
            raise CaseFailedError(f"no certificate from {pod}: {error}") from error


def _answers_plainly(port: int) -> bool:
    """Return whether anything comes back for words that HTTP and Redis understand without TLS."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.settimeout(5)
        connection.sendall(b"PING\r\nGET /live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try:
            answer = connection.recv(64)
        except OSError:
            return False
    return answer.startswith((b"HTTP/1.1 2", b"+PONG", b"-NOAUTH", b"-ERR"))
