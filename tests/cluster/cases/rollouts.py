"""New builds and changed values roll out under load."""

import asyncio
import time

from tests.cluster.case import case
from tests.cluster.installation import Installation
from tests.cluster.load import disturbed
from tests.cluster.reach import Client, ways
from tests.cluster.shell import require
from tests.cluster.world import World

SWAPPED = ("web", "transaction", "audit", "quotes")


@case("image-swapped", minutes=12)
def _(world: World) -> None:
    """`kubectl set image` to a second build and `kubectl rollout undo` under load: no request fails."""
    second = world.settings.image_2
    require(second, "name a second build of the image in E2E_IMAGE_2")
    installation = world.installation()
    kubectl = installation.kubectl
    first_version = _version(installation)

    def strike() -> None:
        began = time.monotonic()
        for component in SWAPPED:
            kubectl("set", "image", f"deployment/{installation.name(component)}", f"{component}={second}")
        _rolled_out(installation)
        world.figure("second build everywhere, s", time.monotonic() - began)
        world.figure("versions", f"{first_version}, {_version(installation)}")
        require(_version(installation) != first_version, f"/version still says {first_version} after `set image`")
        began = time.monotonic()
        for component in SWAPPED:
            kubectl("rollout", "undo", f"deployment/{installation.name(component)}")
        _rolled_out(installation)
        world.figure("first build everywhere, s", time.monotonic() - began)

    disturbed(world, installation, strike, seconds=150)
    require(_version(installation) == first_version, "/version does not say the first build after `rollout undo`")


@case("helm-upgrade", minutes=10)
def _(world: World) -> None:
    """`helm upgrade` with a changed value rolls all three services under load: no request fails."""
    installation = world.installation()

    def strike() -> None:
        began = time.monotonic()
        installation.upgrade({"logLevel": "warning"})
        world.figure("helm upgrade --wait, s", time.monotonic() - began)

    disturbed(world, installation, strike, seconds=100)


def _rolled_out(installation: Installation) -> None:
    for component in SWAPPED:
        installation.kubectl.rollout_status(f"deployment/{installation.name(component)}")


def _version(installation: Installation) -> str:
    async def ask() -> str:
        async with Client(ways(installation)[0]) as client:
            status, body = await client.get("/version")
            require(status == 200, f"/version answers {status}: {body}")
            return body.strip()

    return asyncio.run(ask())
