"""The pages, as a browser without JavaScript uses them."""

import asyncio
import re
import secrets
import ssl
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import aiohttp
from lxml import etree

from tests.cluster.case import case
from tests.cluster.cases.replicas import wait_replicas
from tests.cluster.cases.tls import AUTHORITY, secured, way_of
from tests.cluster.installation import Installation
from tests.cluster.reach import Client, Way
from tests.cluster.shell import require
from tests.cluster.world import World

REPLICAS: Final = 2
"""So that what one replica has made is shown to another."""

ROLES: Final = tuple(rf"Builds.*\b{role} \d+[.]\d+" for role in ("audit", "transaction", "web"))

PASSWORD: Final = "a password of this case"

FIGURES: Final = (r"All \d+ parts are well", r"\d records in the journal, [\d,]+ of them in the log", *ROLES)
"""What the operations page says where web reaches every part's health and metrics."""


def words(text: str) -> str:
    """Return a page as it is read: without tags, and with one space where there are several."""
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


class Browser:
    """Follows links and sends forms, and keeps cookies as it is told."""

    def __init__(self, way: Way, authority: Path | None = None) -> None:
        """`authority` is the CA of web's certificate, in PEM; None where the way is without TLS."""
        self._url = way.url
        self._tls = ssl.create_default_context(cafile=str(authority)) if authority else None

    async def __aenter__(self) -> Self:
        """Open it, with no cookies."""
        # One connection a request, so that they go to whichever replica the Service picks.
        connector = aiohttp.TCPConnector(ssl=self._tls or True, force_close=True)
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=30),
            cookie_jar=aiohttp.CookieJar(unsafe=True),  # its host is an address
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        await self._session.close()

    async def get(self, path: str) -> tuple[int, str, str]:
        """Return status, path and text of the page where a path leads."""
        async with self._session.get(self._url + path) as answer:
            return answer.status, answer.url.path, await answer.text()

    async def send(self, page: str, action: str, fields: dict[str, str]) -> tuple[int, str, str]:
        """Fill in the form on `page` that goes to `action`, send it, and return where it leads, as `get` does.

        Raises:
            CaseFailedError: there is no such form.
        """
        _, _, text = await self.get(page)
        forms = [form for form in etree.HTML(text).iter("form") if form.get("action") == action]
        require(forms, f"{page} has no form that goes to {action}")
        hidden = [field for field in forms[0].iter("input") if field.get("type") == "hidden"]
        filled = {**{field.get("name", ""): field.get("value", "") for field in hidden}, **fields}
        headers = {"Origin": self._url}
        async with self._session.post(self._url + action, data=filled, headers=headers) as answer:
            return answer.status, answer.url.path, await answer.text()

    async def send_without_its_secret(self, action: str, fields: dict[str, str]) -> int:
        """Send fields as another site would have a browser send them; return the status."""
        headers = {"Origin": "https://elsewhere.example"}
        async with self._session.post(self._url + action, data=fields, headers=headers) as answer:
            return answer.status

    def cookies(self) -> set[str]:
        """Return the names of the cookies that it keeps."""
        return {cookie.key for cookie in self._session.cookie_jar}


@case("page", minutes=12)
def _(world: World) -> None:
    """Over HTTPS one signs in as the first admin, signs up, trades, and is still signed in after web's rollout."""
    installation = secured(world)
    installation.scale("web", REPLICAS)
    wait_replicas(installation, "web", REPLICAS)
    way, authority = way_of(installation), AUTHORITY.write(world.out() / "ca.crt")
    asyncio.run(_first_admin(installation, way, authority))
    world.figure("the first admin", "signs in and out")
    asyncio.run(_somebody_new(world, installation, way, authority))
    installation.remove()


async def _first_admin(installation: Installation, way: Way, authority: Path) -> None:
    async with Browser(way, authority) as browser:
        status, path, text = await browser.get("/trade")
        require((status, path) == (200, "/sign-in"), f"whoever is not signed in comes from /trade to {path}: {status}")
        wrong = await browser.send("/sign-in", "/sign-in", {"name": "admin", "password": "a wrong one"})
        require(wrong[1] == "/sign-in" and wrong[0] != 200, f"a wrong password leads to {wrong[1]}: {wrong[0]}")
        right = {"name": "admin", "password": installation.secret("admin", "password")}
        status, path, text = await browser.send("/sign-in", "/sign-in", right)
        require((status, path) == (200, "/trade"), f"the first password leads to {path}: {status} {text[:300]}")
        require(all(name.startswith("__Host-") for name in browser.cookies()), f"cookies are {browser.cookies()}")
        await _looks_at_operations(browser)
        status, path, _ = await browser.send("/trade", "/sign-out", {})
        require((status, path) == (200, "/"), f"signing out leads to {path}: {status}")
        _, path, _ = await browser.get("/trade")
        require(path == "/sign-in", f"after signing out /trade leads to {path}")


async def _looks_at_operations(browser: Browser) -> None:
    """Wait until the page has figures of every part: web reaches all of them."""
    lacks: list[str] = []
    for _ in range(15):
        status, path, text = await browser.get("/operations")
        require((status, path) == (200, "/operations"), f"/operations leads an admin to {path}: {status}")
        lacks = [each for each in FIGURES if not re.search(each, words(text))]
        if not lacks:
            return
        await asyncio.sleep(2)
    require(not lacks, f"/operations says nothing like {lacks}")


async def _somebody_new(world: World, installation: Installation, way: Way, authority: Path) -> None:
    user = f"page{secrets.token_hex(4)}"
    async with Browser(way, authority) as browser:
        fields = {"name": user, "password": PASSWORD, "again": PASSWORD}
        status, path, text = await browser.send("/sign-up", "/sign-up", fields)
        require((status, path) == (200, f"/trade/{user}"), f"signing up leads to {path}: {status} {text[:300]}")
        own = f"/trade/{user}"
        status, path, text = await browser.send(own, f"{own}/deposit", {"amount": "12.34"})
        require(status == 200 and "12.34" in text, f"a deposit leads to {path}: {status}, without what came in")
        status, _, _ = await browser.get("/trade/somebody")
        require(status == 403, f"somebody else's page is answered {status}")
        status = await browser.send_without_its_secret(f"{own}/deposit", {"amount": "1.00"})
        require(status == 403, f"a form of another site is answered {status}")
        installation.kubectl("rollout", "restart", f"deployment/{installation.name('web')}")
        await asyncio.to_thread(wait_replicas, installation, "web", REPLICAS)
        status, path, text = await browser.get(own)
        require((status, path) == (200, own), f"after web's rollout {own} leads to {path}: {status}")
        world.figure("after web's rollout", "still signed in")
        status, path, _ = await browser.send(own, "/sign-out", {})
        require((status, path) == (200, "/"), f"signing out leads to {path}: {status}")
    async with Client(way, authority, token=installation.token("admin")) as client:
        _, shown = await client.command("DISPLAY_SUMMARY", userid=user)
    require('"cents":1234' in shown.replace(" ", ""), f"the account is {shown[:300]}")
    world.figure("deposited on the page, cents", 1234)
