"""Autoscaling on transactions per second, out of a real Prometheus."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.cluster.case import case
from tests.cluster.installation import Installation
from tests.cluster.kubectl import Kubectl, Object, condition
from tests.cluster.load import Load, held_to, record
from tests.cluster.settings import CHART
from tests.cluster.shell import require, wait_until
from tests.cluster.world import World

SCALED: Final = ("web", "transaction")

RATE: Final = 160
TARGET: Final = 60
"""Commands a second that a replica should have in these cases: the load is for more than two."""

AUTOSCALED: Final = {
    "autoscaling": {
        "provider": "hpa",
        "scaleInAfterSeconds": 30,
        **{name: {"minReplicas": 1, "maxReplicas": 2, "targetPerPod": TARGET, "targetCpu": "4"} for name in SCALED},
    }
}
"""CPU asks for nothing: what scales is the other metric."""

METRICS: Final = {"web": "daytrader_commands_per_second", "transaction": "daytrader_decided_records_per_second"}


@case("hpa", minutes=12)
def _(world: World) -> None:
    """Under load the autoscaler goes from 1 to 2 replicas on commands a second, and back when the load is over."""
    with _autoscaled(world) as installation:
        with Load(world, installation, seconds=120, rate=RATE) as load:
            _scaled_out(world, installation)
            status = load.result()
            record(world, status)
            held_to(status, 15.0)
        began = time.monotonic()
        wait_until("one replica of each", lambda: _replicas(installation) == {1}, seconds=300, every=3)
        world.figure("back to 1 after the load, s", time.monotonic() - began)


@case("prometheus-stopped", minutes=12)
def _(world: World) -> None:
    """With Prometheus stopped, nothing scales in, although the load is over; with it back, it does."""
    namespace, _, name = world.settings.prometheus.partition("/")
    prometheus = Kubectl(namespace)
    with _autoscaled(world) as installation:
        with Load(world, installation, seconds=100, rate=RATE, verify=False) as load:
            _scaled_out(world, installation)
            prometheus("scale", f"deployment/{name}", "--replicas=0")
            try:
                load.result()
                wait_until("the autoscalers to miss the metric", lambda: not _see(installation), seconds=150, every=3)
                began = time.monotonic()
                while time.monotonic() - began < 75:
                    require(2 in _replicas(installation), "an autoscaler scaled in without its metric")
                    time.sleep(3)
                world.figure("watched without the metric, s", time.monotonic() - began)
            finally:
                prometheus("scale", f"deployment/{name}", "--replicas=1")
        began = time.monotonic()
        wait_until("one replica of each", lambda: _replicas(installation) == {1}, seconds=300, every=3)
        world.figure("back to 1 with Prometheus back, s", time.monotonic() - began)


@contextmanager
def _autoscaled(world: World) -> Iterator[Installation]:
    """Give the installation with autoscalers that see their metric, at one replica each."""
    installation = world.installation()
    if world.settings.adapter_rules:
        namespace, name, key = world.settings.adapter_rules.split("/")
        rules = (CHART / "adapter" / "rules.yaml").read_text()
        Kubectl(namespace).patch("configmap", name, {"data": {key: rules}})
    installation.upgrade(AUTOSCALED)
    wait_until("the autoscalers to see their metric", lambda: _see(installation), seconds=180, every=3)
    wait_until("one replica of each", lambda: _replicas(installation) == {1}, seconds=180, every=3)
    yield installation


def _scaled_out(world: World, installation: Installation) -> None:
    began = time.monotonic()
    wait_until("two replicas", lambda: 2 in _replicas(installation), seconds=90)
    world.figure("from 1 to 2 replicas, s", time.monotonic() - began)
    for component in SCALED:
        status = _autoscaler(installation, component)["status"]
        shown = [
            each["pods"]["current"]["averageValue"]
            for each in status.get("currentMetrics") or []
            if each["type"] == "Pods" and each["pods"]["metric"]["name"] == METRICS[component]
        ]
        require(
            shown, f"the autoscaler of {component} does not show {METRICS[component]}: {status.get('currentMetrics')}"
        )
        world.figure(f"{component}: replicas, metric a pod", f"{status['desiredReplicas']}, {shown[0]}")


def _see(installation: Installation) -> bool:
    """Return whether every autoscaler has all its metrics."""
    found = [condition(_autoscaler(installation, component), "ScalingActive") for component in SCALED]
    metrics = [_autoscaler(installation, component)["status"].get("currentMetrics") or [] for component in SCALED]
    named = all(any(each["type"] == "Pods" and "pods" in each for each in some) for some in metrics)
    return named and all(each.get("status") == "True" for each in found)


def _replicas(installation: Installation) -> set[int]:
    """Return how many ready replicas the scaled components have."""
    return {
        installation.kubectl.get("deployment", installation.name(component))["status"].get("readyReplicas", 0)
        for component in SCALED
    }


def _autoscaler(installation: Installation, component: str) -> Object:
    return installation.kubectl.get("hpa", installation.name(component))
