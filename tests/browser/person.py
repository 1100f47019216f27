"""A person at the pages: signs up and trades as somebody at a screen does, by what labels and buttons say."""

import asyncio
import re
from typing import Final

from playwright.async_api import Page, expect

PASSWORD: Final = "correct horse battery"


class Person:
    """Somebody with a page open."""

    def __init__(self, page: Page, name: str) -> None:
        self.page = page
        self.name = name

    async def sign_up(self) -> None:
        """Become a trader, and arrive at the own account."""
        await self.page.goto("/")
        await self.page.get_by_role("link", name="Sign up").first.click()
        await self.page.get_by_label("Name").fill(self.name)
        await self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        await self.page.get_by_label("Password, once more").fill(PASSWORD)
        await self.page.get_by_role("button", name="Sign up").click()
        await self.arrived()

    async def sign_in(self, password: str = PASSWORD, *, next_: str = "") -> None:
        """Sign in, and arrive wherever that leads."""
        await self.page.goto(f"/sign-in?next={next_}" if next_ else "/sign-in")
        await self.page.get_by_label("Name").fill(self.name)
        await self.page.get_by_label("Password", exact=True).fill(password)
        await self.page.get_by_role("button", name="Sign in").click()
        await self.page.wait_for_url(lambda url: "/sign-in" not in url)

    async def arrived(self) -> None:
        """Wait until the page shows the own account."""
        await expect(self.page.get_by_role("heading", level=1, name=self.name)).to_be_visible()

    async def live(self) -> None:
        """Wait until the page says that it is live."""
        await expect(self.page.locator("#live")).to_have_attribute("data-state", "on")

    async def deposit(self, amount: str) -> None:
        """Deposit, and read that it was done."""
        await self.page.get_by_label("Deposit").fill(amount)
        await self.page.get_by_role("button", name="Deposit").click()
        await expect(self.page.locator("#deposit-outcome")).not_to_be_empty()

    async def quote(self, symbol: str) -> None:
        """Ask for a quote, and read it."""
        await self.page.locator("#symbol").fill(symbol)
        await self.page.get_by_role("button", name="Get quote").click()
        await expect(self.page.locator("#quote .symbol")).to_have_text(symbol)

    async def order(self, side: str, symbol: str, amount: str) -> None:
        """Place an order, and see it pending."""
        await self.page.locator("#symbol").fill(symbol)
        await self.page.locator("#amount").fill(amount)
        await self.page.get_by_role("button", name=side.capitalize(), exact=True).click()
        await expect(self.page.get_by_role("button", name=f"Commit {side}")).to_be_visible()

    async def commit(self, side: str) -> None:
        """Commit the pending order, and see it go."""
        await self.page.get_by_role("button", name=f"Commit {side}").click()
        await expect(self.page.get_by_role("button", name=f"Commit {side}")).to_have_count(0)

    async def trigger(self, side: str, symbol: str, amount: str) -> None:
        """Make a trigger that is not armed, and see it."""
        await self.page.locator("#trigger-symbol").fill(symbol)
        await self.page.locator("#trigger-amount").fill(amount)
        await self.page.get_by_role("button", name=f"New {side} trigger").click()
        await expect(self.page.get_by_role("article", name=f"{side.capitalize()} trigger on {symbol}")).to_be_visible()

    async def arm(self, side: str, symbol: str, price: str) -> None:
        """Set the trigger's price."""
        trigger = self.page.get_by_role("article", name=f"{side.capitalize()} trigger on {symbol}")
        await trigger.get_by_label("Price").fill(price)
        await trigger.get_by_role("button", name="Arm").click()

    async def sees_cash(self, free: str) -> None:
        """Wait until the page shows this free cash."""
        await expect(self.page.locator("#cash dd").first).to_have_text(free)

    async def sees_shares(self, symbol: str, shares: int) -> None:
        """Wait until the page shows these shares."""
        row = self.page.locator("#holdings tr").filter(has=self.page.get_by_role("link", name=symbol, exact=True))
        await expect(row.locator("td").first).to_have_text(re.compile(rf"^{shares:,}\b"))

    async def sees_in_history(self, text: str) -> None:
        """Wait until the newest commands tell of this."""
        await expect(self.page.locator("#history")).to_contain_text(text)

    async def seconds_left(self) -> int:
        """Return what the countdown of the newest pending order shows."""
        text = await self.page.locator("#pending time[data-until]").first.inner_text()
        found = re.search(r"\d+", text)
        assert found is not None, text
        return int(found[0])


async def a_moment(seconds: float) -> None:
    """Let real time pass, where what is looked at is that it does."""
    await asyncio.sleep(seconds)
