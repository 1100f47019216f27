"""The operations page breaks the installation on purpose, as an admin presses its buttons."""

import asyncio
import time
from functools import partial
from typing import Final

from lxml import etree

from tests.cluster.case import case
from tests.cluster.cases.pages import Browser, words
from tests.cluster.cases.replicas import wait_replicas
from tests.cluster.helm import Values
from tests.cluster.installation import Installation
from tests.cluster.load import disturbed
from tests.cluster.reach import Way, ways
from tests.cluster.shell import CaseFailedError, require, wait_until
from tests.cluster.world import World

TRANSACTIONS: Final = 2
"""So that the other one takes the partitions of the one that goes."""

ON: Final[Values] = {"operations": {"breaking": True}, "transaction": {"replicas": TRANSACTIONS}}

SURVIVED: Final = "nothing is lost: all"
"""What the page says of each thing that was done when journal and log have all records from before."""


@case("breaking", minutes=15)
def _(world: World) -> None:
    """From the operations page the data primary's pod and a transaction pod go under load: nothing fails or is lost."""
    installation = world.installation()
    web = installation.name("web")
    try:
        installation.upgrade(ON)
        wait_replicas(installation, "transaction", TRANSACTIONS)
        installation.wait_set("data-set", 3)
        way = next(way for way in ways(installation) if way.name in ("NodePort", "E2E_URL"))
        disturbed(world, installation, partial(_strike, world, installation, way), seconds=120)
        said = asyncio.run(_survivals(installation, way))
        world.figure("the page says of both", said)
    finally:
        installation.upgrade()
    for kind in ("serviceaccount", "role", "rolebinding"):
        require(not installation.kubectl.exists(kind, web), f"{kind} {web} is still there without operations.breaking")


def _strike(world: World, installation: Installation, way: Way) -> None:
    primary = installation.primary("data-set")
    uid = _uid(installation, primary)
    asyncio.run(_press(installation, way, f"Delete {primary} (primary)"))
    wait_until(f"{primary} to be another pod", lambda: _uid(installation, primary) != uid, seconds=90)
    world.figure("data set whole again, s", installation.wait_set("data-set", 3))
    world.figure("primary before and after", f"{primary}, {installation.primary('data-set')}")

    before = _uids(installation, "transaction")
    began = time.monotonic()
    asyncio.run(_press(installation, way, f"Kill one of {TRANSACTIONS} transaction pods"))
    wait_until("a transaction pod to be gone", lambda: before - _uids(installation, "transaction"), seconds=30)
    wait_replicas(installation, "transaction", TRANSACTIONS)
    world.figure("another transaction pod ready, s", time.monotonic() - began)
    replaced = len(before - _uids(installation, "transaction"))
    require(replaced == 1, f"{replaced} of {TRANSACTIONS} transaction pods were replaced, one should be")


async def _press(installation: Installation, way: Way, label: str) -> None:
    """Press the button `label` of the operations page, and the one that confirms it."""
    async with Browser(way) as browser:
        await _sign_in(browser, installation)
        status, path, text = await browser.get("/operations")
        require((status, path) == (200, "/operations"), f"/operations leads an admin to {path}: {status}")
        links = [(_label(link), str(link.get("href"))) for link in etree.HTML(text).iter("a")]
        offers = {shown: href for shown, href in links if href.startswith("/operations/break?")}
        require(label in offers, f"/operations offers {sorted(offers)}, not {label!r}: {_trouble(text)}")
        status, path, text = await browser.send(offers[label], "/operations/break", {})
        require((status, path) == (200, "/operations"), f"{label!r} leads to {path}: {status} {text[:300]}")
        require("Done: the pod " in words(text), f"{label!r} was not done: {_trouble(text)}")


async def _survivals(installation: Installation, way: Way) -> str:
    """Wait until the page says that nothing was lost of both; return it."""
    async with Browser(way) as browser:
        await _sign_in(browser, installation)
        said = ""
        for _ in range(60):
            _, _, text = await browser.get("/operations")
            said = words(text).partition("What was broken")[2]
            if said.count(SURVIVED) == 2:
                return SURVIVED.partition(":")[0]
            await asyncio.sleep(2)
    raise CaseFailedError(f"after two minutes the page does not say of both that nothing is lost: {said[:600]}")


async def _sign_in(browser: Browser, installation: Installation) -> None:
    fields = {"name": "admin", "password": installation.secret("admin", "password")}
    status, path, text = await browser.send("/sign-in", "/sign-in", fields)
    require((status, path) == (200, "/trade"), f"the first password leads to {path}: {status} {text[:300]}")


def _uid(installation: Installation, pod: str) -> str:
    """Return a pod's uid. Raises CaseFailedError where it is not there at the moment."""
    return str(installation.kubectl.get("pod", pod)["metadata"]["uid"])


def _uids(installation: Installation, component: str) -> set[str]:
    return {str(pod["metadata"]["uid"]) for pod in installation.pods(component)}


def _label(element: etree._Element) -> str:
    return " ".join("".join(str(each) for each in element.itertext()).split())


def _trouble(text: str) -> str:
    """Return what the page says about breaking things."""
    return words(text).partition("Break something")[2][:300]
