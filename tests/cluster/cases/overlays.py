"""The overlays, applied for real."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import yaml

from tests.cluster.case import case
from tests.cluster.helm import Values, apply_definitions
from tests.cluster.installation import SERVICES, SETS, Installation
from tests.cluster.kubectl import Object, documents
from tests.cluster.load import Load, held_to, record
from tests.cluster.reach import Client, node_address, ways
from tests.cluster.settings import CHART, ROOT
from tests.cluster.shell import require, run
from tests.cluster.strike import nodes
from tests.cluster.world import World

NAMESPACE: Final = "daytrader"
"""The overlays' own."""

MACHINES: Final = {
    "web": ("web",),
    "transaction": ("transaction", "data-set", "quotes", "redis"),
    "audit": ("audit", "audit-set"),
}
"""The lab's three machines and what runs on each."""

MARK: Final = "daytrader.dev/e2e"


@case("overlay-dev", minutes=12)
def _(world: World) -> None:
    """The overlay `dev`, applied as it is, becomes ready, trades, and is open to everybody."""
    with _applied(world, "dev") as (installation, objects):
        require(not installation.token("broker"), "there are tokens, and nobody needs any")
        _trades(world, installation, objects)
        status = asyncio.run(_without_token(installation))
        world.figure("a command without a token", status)
        require(status == 200, f"a command without a token is answered {status}")


@case("overlay-lab", minutes=12)
def _(world: World) -> None:
    """The overlay `lab`, applied on three labelled nodes, has every part on its machine and trades at port 44410."""
    names = nodes(world.shared)
    require(len(names) >= 3, f"this needs three nodes, the cluster has {len(names)}")
    placed = dict(zip(MACHINES, names, strict=False))
    kubectl = world.shared.kubectl
    for machine, node in placed.items():
        kubectl("label", "node", node, f"daytrader.dev/{machine}=true", "--overwrite")
    try:
        with _applied(world, "lab") as (installation, objects):
            for machine, components in MACHINES.items():
                for component in components:
                    on = {pod["spec"]["nodeName"] for pod in installation.pods(component)}
                    require(on == {placed[machine]}, f"{component} is on {on}, and belongs on {placed[machine]}")
                world.figure(f"on {placed[machine]}", ", ".join(components))
            require(_node_port(objects) == 44410, f"web's NodePort is {_node_port(objects)}, not 44410")
            _trades(world, installation, objects)
            status = asyncio.run(_without_token(installation))
            world.figure("a command without a token", status)
            require(status == 401, f"a command without a token is answered {status}")
    finally:
        for machine, node in placed.items():
            kubectl("label", "node", node, f"daytrader.dev/{machine}-")


@contextmanager
def _applied(world: World, name: str) -> Iterator[tuple[Installation, list[Object]]]:
    """Apply an overlay with the images under test; give the installation that it makes, ready, and its objects."""
    installation = Installation(world.settings, NAMESPACE)
    kubectl = installation.kubectl
    if kubectl.exists("namespace", NAMESPACE):
        marked = MARK in kubectl.get("namespace", NAMESPACE)["metadata"].get("labels", {})
        require(marked, f"namespace {NAMESPACE} is there and not of this suite: remove it, or use another cluster")
        kubectl.delete("namespace", NAMESPACE, seconds=180)
    apply_definitions()
    built = run(world.settings.kustomize, "build", "--enable-helm", ROOT / "k8s" / "overlays" / name, seconds=120)
    objects = [_with_images(world, each) for each in documents(built)]
    for each in objects:
        if each["kind"] == "Namespace":
            each["metadata"].setdefault("labels", {})[MARK] = "true"
    began = time.monotonic()
    text = yaml.safe_dump_all(objects)
    try:
        kubectl("apply", "--server-side", "--filename=-", stdin=text, seconds=120)
        for component in SETS:
            kubectl("wait", "mrs", installation.name(component), "--for=condition=Ready", "--timeout=240s", seconds=250)
        for component in SERVICES:
            kubectl.rollout_status(f"deployment/{installation.name(component)}", seconds=240)
        world.figure("ready after, s", time.monotonic() - began)
        yield installation, objects
    finally:
        kubectl.delete("namespace", NAMESPACE, seconds=180)


def _trades(world: World, installation: Installation, objects: list[Object]) -> None:
    port = _node_port(objects)
    said = run(
        "curl", "--silent", "--show-error", "--max-time", "10", f"http://{node_address(installation)}:{port}/ready"
    )
    world.figure(f"/ready at NodePort {port}", said.strip())
    with Load(world, installation, seconds=20, rate=50) as load:
        status = load.result()
        record(world, status)
        held_to(status, 15.0)


async def _without_token(installation: Installation) -> int:
    async with Client(ways(installation)[0]) as client:
        status, _ = await client.command("ADD", userid="anybody", amount="1.00")
    return status


def _with_images(world: World, each: Object) -> Object:
    """Return an object with the images under test in the place of the chart's."""
    values: Values = yaml.safe_load((CHART / "values.yaml").read_text())
    mongodb, redis = values["mongodb"], values["redis"]
    assert isinstance(mongodb, dict)
    assert isinstance(redis, dict)
    settings = world.settings
    images = {mongodb["image"]: settings.mongo_image, redis["image"]: settings.redis_image}

    def changed(part: object) -> object:
        if isinstance(part, dict):
            return {key: changed(value) for key, value in part.items()}
        if isinstance(part, list):
            return [changed(value) for value in part]
        if isinstance(part, str) and part.startswith("daytrader:"):
            return settings.image
        return images.get(part) or part if isinstance(part, str) else part

    result = changed(each)
    assert isinstance(result, dict)
    return result


def _node_port(objects: list[Object]) -> int:
    return next(
        int(port["nodePort"])
        for each in objects
        if each["kind"] == "Service"
        for port in each["spec"]["ports"]
        if "nodePort" in port
    )
