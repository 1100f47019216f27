"""An installation in which something has happened, and people who are signed in to look at it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import aiohttp
from playwright.async_api import Browser, BrowserContext

from tests.browser.person import Person
from tests.browser.places import TRADER, Who
from tests.e2e.installation import Installation, running

_DAY: Final = (
    ("ADD", {"amount": "10000.00"}),
    *(("QUOTE", {"stockSymbol": symbol}) for symbol in ("ABC", "XYZ", "SYD")),
    ("BUY", {"stockSymbol": "ABC", "amount": "2500.00"}),
    ("COMMIT_BUY", {}),
    ("BUY", {"stockSymbol": "XYZ", "amount": "1200.00"}),
    ("COMMIT_BUY", {}),
    ("BUY", {"stockSymbol": "SYD", "amount": "90000.00"}),
    ("SELL", {"stockSymbol": "ABC", "amount": "500.00"}),
    ("COMMIT_SELL", {}),
    ("SET_BUY_AMOUNT", {"stockSymbol": "SYD", "amount": "800.00"}),
    ("SET_BUY_TRIGGER", {"stockSymbol": "SYD", "amount": "0.10"}),
    ("SET_BUY_AMOUNT", {"stockSymbol": "XYZ", "amount": "300.00"}),
    ("SET_SELL_AMOUNT", {"stockSymbol": "ABC", "amount": "400.00"}),
    ("SET_SELL_TRIGGER", {"stockSymbol": "ABC", "amount": "390.00"}),
    ("BUY", {"stockSymbol": "ABC", "amount": "150.00"}),
    ("BUY", {"stockSymbol": "XYZ", "amount": "250.00"}),
    ("SELL", {"stockSymbol": "XYZ", "amount": "100.00"}),
)
"""What the trader does: some of it refused, some of it still pending."""


ROUNDS: Final = 3
"""How often it does all that: the charts need something to show."""


@contextmanager
def lively(directory: Path) -> Iterator[Installation]:
    """Run an installation in required mode, whose prices walk, the same way each time."""
    with running(directory, "--auth", "required", "--quote-walk", "7", "--trigger-interval", "1") as installation:
        yield installation


class Sights:
    """An installation in which a trader has traded, and who is signed in to look at it."""

    def __init__(self, installation: Installation, browser: Browser) -> None:
        self.installation = installation
        self._browser = browser
        self._cookies: dict[Who, list[object]] = {"nobody": []}

    async def prepare(self) -> None:
        """Let the trader and the admin sign in, and the trader trade."""
        for who in ("trader", "admin"):
            context = await self._browser.new_context(base_url=self.installation.url)
            page = await context.new_page()
            if who == "trader":
                await Person(page, TRADER).sign_up()
            else:
                await Person(page, "admin").sign_in(_kept(self.installation, "admin-password"))
            self._cookies[who] = list(await context.cookies())
            await context.close()
        for _ in range(ROUNDS):
            await self.trade()

    async def trade(self) -> None:
        """Let the trader trade, by a broker's token."""
        token = _kept(self.installation, "broker-token")
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as client:
            for command, parameters in _DAY:
                asked = {"userid": TRADER, **parameters}
                async with asyncio.timeout(30):
                    while not await _decided(client, f"{self.installation.url}/command/{command}", asked):  # noqa: ASYNC110  another process
                        await asyncio.sleep(0.1)

    async def let_in(self, who: Who, context: BrowserContext) -> None:
        """Make `context` one in which `who` is signed in."""
        await context.clear_cookies()
        if self._cookies[who]:
            await context.add_cookies(self._cookies[who])  # type: ignore[arg-type]  # as they were given


async def _decided(client: aiohttp.ClientSession, url: str, asked: dict[str, str]) -> bool:
    """Send a command; return whether it was decided, which on a very busy machine may not be at the first time."""
    async with client.post(url, params=asked) as answer:
        assert answer.status in (200, 400, 429, 503), await answer.text()
        return answer.status in (200, 400)


def _kept(installation: Installation, file: str) -> str:
    (found,) = Path(installation.directory, "data").glob(f"*/{file}")
    return found.read_text().strip()
