"""The internal credential is rotated while the system trades."""

import secrets
import time
import urllib.error
import urllib.request
from functools import partial

from tests.cluster.case import case
from tests.cluster.installation import Installation
from tests.cluster.load import disturbed
from tests.cluster.shell import require, wait_until
from tests.cluster.world import World


@case("credential-rotated", minutes=15)
def _(world: World) -> None:
    """The internal credential is rotated under load: nothing fails, and the old one is worth nothing in the end."""
    installation = world.installation()
    kubectl, name = installation.kubectl, installation.name("internal")
    before = _tokens(installation)
    pods = _pods(installation)

    def strike() -> None:
        began, text = time.monotonic(), secrets.token_hex(4)
        kubectl("annotate", "secret", name, f"daytrader.dev/rotate={text}", "--overwrite")

        def rotated() -> bool:
            annotations = kubectl.get("secret", name)["metadata"].get("annotations", {})
            return bool(annotations.get("daytrader.dev/rotated") == text)

        wait_until("the rotation to be done", rotated, seconds=420, every=3)
        world.figure("rotated, s", time.monotonic() - began)

    disturbed(world, installation, strike, seconds=400, rate=30)
    after = _tokens(installation)
    require(len(after) == 1 and after != before, f"there are {len(after)} tokens, one new one is expected")
    require(_pods(installation) == pods, "a pod was replaced")
    for component in ("transaction", "audit"):
        refuses = partial(_answers, installation, component, before[0], 401)
        wait_until(f"{component} to refuse the old token", refuses, seconds=150)
        status = _asked(installation, component, after[0])
        require(status == 200, f"{component} answers {status} to the new token")
    world.figure("old token, new token", "401, 200")


def _tokens(installation: Installation) -> list[str]:
    return installation.secret("internal", "tokens").split()


def _pods(installation: Installation) -> set[str]:
    return {pod["metadata"]["uid"] for name in ("web", "transaction", "audit") for pod in installation.pods(name)}


def _answers(installation: Installation, component: str, token: str, status: int) -> bool:
    return _asked(installation, component, token) == status


def _asked(installation: Installation, component: str, token: str) -> int:
    """Return the status of an internal path that is asked with a token."""
    pod = installation.pod(component)["metadata"]["name"]
    with installation.kubectl.forwarded(f"pod/{pod}", 8080) as port:
        url, headers = f"http://127.0.0.1:{port}/health", {"Authorization": f"Bearer {token}"}
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
