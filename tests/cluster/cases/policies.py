"""Who reaches whom: network policies, and the internal credential behind them."""

import urllib.error
import urllib.request
from typing import Final

from tests.cluster.case import case
from tests.cluster.cases.replicas import wait_replicas
from tests.cluster.installation import SERVICES, SETS, Installation
from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.probe import Reach, Target, from_new_pod, from_pod
from tests.cluster.program import labels_of
from tests.cluster.shell import require
from tests.cluster.world import World

PORTS: Final = {
    "web": (8080, 9100),
    "transaction": (8080, 9100),
    "audit": (8080, 9100),
    "quotes": (4444,),
    "redis": (6379,),
    "operator": (8080, 9100),
    "data-set": (27017,),
    "audit-set": (27017,),
}
"""Where a component listens."""

ARROWS: Final = {
    "web": {
        *("web:8080", "transaction:8080", "audit:8080", "data-set:27017"),
        *("web:9100", "transaction:9100", "audit:9100", "operator:9100"),
    },
    "transaction": {"transaction:8080", "data-set:27017", "redis:6379", "quotes:4444"},
    "audit": {"data-set:27017", "audit-set:27017"},
    "quotes": set[str](),
    "redis": set[str](),
    "operator": {"data-set:27017", "audit-set:27017"},
    "data-set": {"data-set:27017"},
    "audit-set": {"audit-set:27017"},
    "backup": {"data-set:27017", "audit-set:27017"},
    "workload": {"web:8080"},
    "test": {"web:8080"},
    "a foreign pod": {"web:8080", "web:9100", "transaction:9100", "audit:9100", "operator:9100"},
    "a foreign namespace": {"web:8080", "web:9100", "transaction:9100", "audit:9100", "operator:9100"},
}
"""Every connection that may be opened. Web is open to clients, metrics to whoever scrapes."""

PASSING: Final = ("backup", "workload", "test")
"""Components whose pods come and go: one with their labels stands in for them."""


@case("network-policies", minutes=10)
def _(world: World) -> None:
    """From every part and from foreign pods exactly the drawn arrows connect, of all pairs there are."""
    installation = world.installation()
    for component in ("web", "transaction", "audit"):
        installation.scale(component, 2)
        wait_replicas(installation, component, 2)
    outside = world.another("foreign")
    outside.make_namespace()
    try:
        found = {source: _reached(installation, outside.kubectl, source) for source in ARROWS}
    finally:
        outside.kubectl.delete("namespace", outside.namespace)
    _write(world, found)
    wrong = [
        f"{source} → {target} is {state}"
        for source, reached in found.items()
        for target, state in reached.items()
        if (state == "open") is not (target in ARROWS[source])
    ]
    pairs = sum(len(reached) for reached in found.values())
    world.figure("pairs tried", pairs)
    world.figure("open", sum(state == "open" for reached in found.values() for state in reached.values()))
    require(not wrong, f"{len(wrong)} of {pairs} pairs are not as drawn: {'; '.join(wrong)}")
    never = [f"{source} → {target}" for source, targets in ARROWS.items() for target in targets - found[source].keys()]
    require(not never, f"these arrows were not tried: {never}")


@case("internal-credential", minutes=3)
def _(world: World) -> None:
    """Internal ports answer 401 to whoever reaches them without the credential, whatever network policies say."""
    installation = world.installation()
    for component in ("transaction", "audit"):
        pod = installation.pod(component)["metadata"]["name"]
        with installation.kubectl.forwarded(f"pod/{pod}", 8080) as port:
            for path, expected in {"/live": 200, "/ready": 200, "/version": 200, "/health": 401, "/": 401}.items():
                status = _status(f"http://127.0.0.1:{port}{path}")
                world.figure(f"{component} {path}", status)
                require(status == expected, f"{component} answers {path} with {status}, {expected} is expected")


def _reached(installation: Installation, outside: Kubectl, source: str) -> dict[str, Reach]:
    """Return the state of every connection from a source, by TARGET:PORT."""
    if source in PORTS:
        pod = installation.pod(source)
        return from_pod(installation.kubectl, pod, _targets(installation, pod["metadata"]["name"]))
    kubectl = outside if source == "a foreign namespace" else installation.kubectl
    labels = labels_of(installation, source) if source in PASSING else {"app": "foreign"}
    return from_new_pod(kubectl, installation.settings.image, labels, _targets(installation))


def _targets(installation: Installation, own: str = "") -> list[Target]:
    """Return every port of a pod of every component; of the own component, one of another pod, where there is one."""
    targets = []
    for component in (*SERVICES, *SETS):
        others = [pod for pod in installation.pods(component) if pod["metadata"]["name"] != own]
        if others:
            pod: Object = others[0]
            address = pod["status"]["podIP"]
            targets += [Target(f"{component}:{port}", address, port) for port in PORTS[component]]
    return targets


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  a loopback address of ours
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def _write(world: World, found: dict[str, dict[str, Reach]]) -> None:
    """Leave the table of all pairs as a Markdown file."""
    targets = [f"{component}:{port}" for component, ports in PORTS.items() for port in ports]
    lines = ["| from \\ to | " + " | ".join(targets) + " |", "|---" * (len(targets) + 1) + "|"]
    for source, reached in found.items():
        lines.append(f"| {source} | " + " | ".join(reached.get(target, "only one pod") for target in targets) + " |")
    path = world.out() / "pairs.md"
    path.write_text("\n".join(lines) + "\n")
    world.figure("table", str(path))
