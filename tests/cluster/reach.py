"""The ways by which web is reached from outside the cluster, and a client that goes them."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp

from tests.cluster.installation import Installation
from tests.cluster.kubectl import Object
from tests.cluster.shell import require


@dataclass(frozen=True, slots=True)
class Way:
    """One way to web."""

    name: str
    url: str


def ways(installation: Installation, *, scheme: str = "http") -> list[Way]:
    """Return every way there is: what E2E_URL names, or the Ingress and the NodePort of the Service.

    An Ingress whose host and address are another namespace's as well is none: commands would go to either installation.

    Raises:
        CaseFailedError: there is none.
    """
    if installation.settings.url:
        return [Way("E2E_URL", installation.settings.url.rstrip("/"))]
    found = []
    kubectl = installation.kubectl
    everywhere = kubectl.objects("ingresses", everywhere=True)
    others = [
        place for one in everywhere if one["metadata"]["namespace"] != kubectl.namespace for place in _places(one)
    ]
    for ingress in kubectl.objects("ingresses", installation.selector("web")):
        shared = [place for place in _places(ingress) if place in others]
        if shared:
            print(f"the Ingress is left out: another namespace has one at {shared[0][0]} as well", flush=True)  # noqa: T201
        else:
            found += [Way("Ingress", f"{scheme}://{address}") for address, _ in _places(ingress)]
    port = kubectl.get("service", installation.name("web"))["spec"]["ports"][0].get("nodePort")
    if port:
        found.append(Way("NodePort", f"{scheme}://{node_address(installation)}:{port}"))
    require(found, f"no Ingress has an address and {installation.name('web')} no NodePort: name a way in E2E_URL")
    return found


def _places(ingress: Object) -> list[tuple[str, tuple[str, ...]]]:
    """Return where it listens: address, and hosts of its rules."""
    addresses = ingress.get("status", {}).get("loadBalancer", {}).get("ingress", [])
    hosts = tuple(rule.get("host", "") for rule in ingress["spec"].get("rules", []))
    return [(str(each.get("ip") or each["hostname"]), hosts) for each in addresses]


def node_address(installation: Installation) -> str:
    """Return the internal address of a node."""
    nodes = installation.kubectl.objects("nodes")
    addresses = nodes[0]["status"]["addresses"]
    return str(next(each["address"] for each in addresses if each["type"] == "InternalIP"))


@contextmanager
def replicas(installation: Installation, *, scheme: str = "http") -> Iterator[list[Way]]:
    """Give a way to each single replica of web, for as long as the context lasts."""
    with ExitStack() as stack:
        found = []
        for pod in installation.pods("web"):
            name = pod["metadata"]["name"]
            port = stack.enter_context(installation.kubectl.forwarded(f"pod/{name}", 8080))
            found.append(Way(name, f"{scheme}://127.0.0.1:{port}"))
        yield found


class Client:
    """Runs commands over HTTP, as `tests.e2e.conformance` wants it; time passes by itself here."""

    def __init__(self, way: Way, authority: Path | None = None, *, token: str = "") -> None:
        """`authority` is the CA of web's certificate, in PEM; `token` the bearer token that is shown, empty: none."""
        self._url = way.url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._tls = ssl.create_default_context(cafile=str(authority)) if authority else None

    async def __aenter__(self) -> Self:
        """Open connections."""
        connector = aiohttp.TCPConnector(limit=100, ssl=self._tls or True)
        timeout = aiohttp.ClientTimeout(total=30)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, headers=self._headers)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close them."""
        await self._session.close()

    async def command(self, name: str, **params: str) -> tuple[int, str]:
        """Run a command; return status and body."""
        async with self._session.post(f"{self._url}/command/{name}", params=params) as answer:
            return answer.status, await answer.text()

    async def get(self, path: str) -> tuple[int, str]:
        """Return status and body of a path that is no command."""
        async with self._session.get(f"{self._url}{path}") as answer:
            return answer.status, await answer.text()

    async def advance(self, ms: int) -> None:
        """Let so many ms pass."""
        await asyncio.sleep(ms / 1000)
