"""What an installation asks of the cluster, and what it uses."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from tests.cluster.installation import Installation
from tests.cluster.kubectl import Object
from tests.cluster.shell import require, wait_until

_UNITS: Final = {
    "": 1.0,
    "m": 1e-3,
    "n": 1e-9,
    "u": 1e-6,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "Ki": 2.0**10,
    "Mi": 2.0**20,
    "Gi": 2.0**30,
}


@dataclass(frozen=True, slots=True)
class Amount:
    """CPU in cores and memory in MiB."""

    cores: float
    mebibytes: float


def asked(installation: Installation) -> Amount:
    """Return what all pods of the installation request."""
    return _sum(
        container.get("resources", {}).get("requests", {})
        for pod in _running(installation)
        for container in pod["spec"]["containers"]
    )


def limited(installation: Installation) -> Amount:
    """Return the most that all pods may use together.

    Raises:
        CaseFailedError: a container has no limit on its memory.
    """
    for pod in _running(installation):
        for container in pod["spec"]["containers"]:
            limits = container.get("resources", {}).get("limits", {})
            require(
                "memory" in limits, f"container {container['name']} of {pod['metadata']['name']} may take all memory"
            )
    return _sum(
        container["resources"]["limits"] for pod in _running(installation) for container in pod["spec"]["containers"]
    )


def used(installation: Installation) -> Amount:
    """Return what all pods use now, by metrics-server; waits until it knows every one of them."""
    names = {pod["metadata"]["name"] for pod in _running(installation)}
    lines: dict[str, list[str]] = {}

    def known() -> bool:
        lines.clear()
        for line in installation.kubectl("top", "pods", "--no-headers").splitlines():
            name, *amounts = line.split()
            lines[name] = amounts
        return names <= lines.keys()

    wait_until("metrics-server to know every pod", known, seconds=120, every=3)
    return _sum({"cpu": lines[name][0], "memory": lines[name][1]} for name in names)


def quantity(text: str | float) -> float:
    """Return the number that a Kubernetes quantity stands for."""
    digits = str(text).rstrip("numkKMGi")
    return float(digits) * _UNITS[str(text)[len(digits) :]]


def _running(installation: Installation) -> list[Object]:
    pods = installation.kubectl.objects("pods", f"app.kubernetes.io/instance={installation.settings.release}")
    return [pod for pod in pods if pod["status"].get("phase") == "Running"]


def _sum(amounts: Iterable[Mapping[str, str]]) -> Amount:
    cores = memory = 0.0
    for each in amounts:
        cores += quantity(each.get("cpu", 0))
        memory += quantity(each.get("memory", 0))
    return Amount(round(cores, 3), round(memory / 2**20, 1))
