"""Two web replicas, of which one is killed: what a person at the page sees of it."""

import asyncio

import aiohttp
import psutil
import pytest
from playwright.async_api import expect

from tests.browser.conftest import Visit, Visitors
from tests.browser.person import Person
from tests.e2e.installation import Installation

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.xdist_group("cluster"), pytest.mark.timeout(400)]

BEFORE, AFTER = 5, 20
"""Deposits of 1.00 before the first replica is killed, and while both of them are."""


async def test_a_killed_replica_costs_nobody_an_update(cluster: Installation, visit: Visit, visitors: Visitors) -> None:
    """The page goes on by itself at the other replica; no deposit is missing, and its session is as good there."""
    omar = Person(await visit(cluster), "omar")
    await omar.sign_up()
    await omar.live()
    history = await omar.page.context.new_page()
    await history.goto("/history/omar")
    for number in range(1, BEFORE + 1):
        await _deposit(cluster, "omar", f"a{number}")
    await omar.sees_cash(f"{BEFORE}.00")
    for page in (omar.page, history):
        await page.evaluate("window.loadedOnce = true")
    for round_ in ("b", "c"):  # whichever of the two the page hangs on, it dies
        _kill(_webs()[0 if round_ == "b" else 1])
        for number in range(AFTER // 2):
            await _deposit(cluster, "omar", f"{round_}{number}")
        await _both_are_back()
    await expect(omar.page.locator("#cash dd").first).to_have_text(f"{BEFORE + AFTER}.00", timeout=20_000)
    await omar.live()
    await expect(history.locator("#history tbody tr")).to_have_count(BEFORE + AFTER)
    for page in (omar.page, history):
        assert await page.evaluate("window.loadedOnce"), "a page was loaded anew, which a person would notice"
    await omar.deposit("75.00")
    await omar.sees_cash(f"{BEFORE + AFTER + 75}.00")
    visitors.watches[0].errors.clear()  # the browser's own words about the connections that broke


async def _deposit(cluster: Installation, user: str, key: str) -> None:
    """Deposit 1.00 once, sent again until it is acknowledged."""
    token = (cluster.directory / "data" / "cluster" / "broker-token").read_text().strip()
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"{user}-{key}"}
    url = f"{cluster.url}/command/ADD?userid={user}&amount=1.00"
    async with asyncio.timeout(30):
        while True:
            try:
                async with aiohttp.ClientSession(headers=headers) as client, client.post(url) as answer:
                    if answer.status == 200:
                        return
                    assert answer.status in (429, 503), await answer.text()
            except aiohttp.ClientError:
                pass  # it met the replica that was killed
            await asyncio.sleep(0.05)


def _webs() -> list[psutil.Process]:
    """Return the web replicas, by name."""
    found = {
        process.environ()["DAYTRADER_REPLICA"]: process
        for process in psutil.Process().children(recursive=True)
        if process.status() != psutil.STATUS_ZOMBIE and process.cmdline()[-2:] == ["serve", "web"]
    }
    return [found[name] for name in sorted(found)]


def _kill(process: psutil.Process) -> None:
    process.kill()


async def _both_are_back() -> None:
    async with asyncio.timeout(60):
        while len(_webs()) < 2 or not all(_listens(one) for one in _webs()):  # noqa: ASYNC110  other processes
            await asyncio.sleep(0.1)


def _listens(process: psutil.Process) -> bool:
    try:
        return any(one.status == psutil.CONN_LISTEN for one in process.net_connections("tcp"))
    except psutil.Error:
        return False
