"""A first day, in a browser: from signing up to the log, by hand, with and without JavaScript."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree
from playwright.async_api import Page, expect

from daytrader.audit.schema import log_schema
from tests.browser.conftest import Visit, Visitors
from tests.browser.person import Person, a_moment
from tests.e2e.installation import Installation, running

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation in required mode that evaluates triggers all the time."""
    directory = tmp_path_factory.mktemp("quick")
    with running(directory, "--auth", "required", "--trigger-interval", "0.2") as installation:
        yield installation


async def test_a_first_day(quick: Installation, visit: Visit, tmp_path: Path) -> None:
    """Sign up, add funds, quote, buy, see the countdown, commit, set a trigger that fires; the log is valid."""
    page = await visit(quick)
    anna = Person(page, "anna")
    await anna.sign_up()
    await anna.live()
    await anna.deposit("1,000.00")
    await anna.sees_cash("1,000.00")
    await anna.quote("ABC")
    await expect(page.locator("#quote .price")).to_have_text("5.00")
    await anna.order("buy", "ABC", "100.00")
    first = await anna.seconds_left()
    await a_moment(2.1)
    second = await anna.seconds_left()
    assert 50 < first <= 60
    assert first - 4 <= second < first
    await anna.commit("buy")
    await anna.sees_cash("900.00")
    await anna.sees_shares("ABC", 20)
    await anna.trigger("buy", "ABC", "50.00")
    await anna.arm("buy", "ABC", "6.00")
    await anna.sees_shares("ABC", 30)
    await anna.sees_cash("850.00")
    await expect(page.locator("#triggers article")).to_have_count(0)
    await anna.sees_in_history("fired")

    log = await _downloaded(page, "Log as XML", tmp_path / "log.xml")
    tree = etree.fromstring(log)
    log_schema().assertValid(tree)
    commands = [one.findtext("command") for one in tree.iter("userCommand")]
    for command in ("ADD", "QUOTE", "BUY", "COMMIT_BUY", "SET_BUY_AMOUNT", "SET_BUY_TRIGGER"):
        assert command in commands
    assert {one.findtext("username") for one in tree.iter("userCommand")} == {"anna"}
    table = await _downloaded(page, "Log as CSV", tmp_path / "log.csv")
    assert table.count(b"\n") > len(commands)
    assert b"COMMIT_BUY" in table


async def test_two_see_what_the_other_does_within_a_second(quick: Installation, visit: Visit) -> None:
    """Each of two browsers shows what was done in the other within 1 s of its acknowledgement, whatever it is."""
    one, other = Person(await visit(quick), "ben"), Person(await visit(quick, width=390), "ben")
    await one.sign_up()
    await other.sign_in()
    for person in (one, other):
        await person.live()
    for number in range(1, 4):
        actor, witness = (one, other) if number % 2 else (other, one)
        await actor.page.get_by_label("Deposit").fill("10.00")
        seen = asyncio.create_task(_seen(witness, f"{number * 10}.00"))
        async with actor.page.expect_response("**/deposit") as answer:
            await actor.page.get_by_role("button", name="Deposit").click()
        assert (await answer.value).status == 200
        acknowledged = time.monotonic()
        assert await seen - acknowledged < 1.0
    await one.order("buy", "XYZ", "10.00")
    await expect(other.page.get_by_role("button", name="Commit buy")).to_be_visible()
    await other.commit("buy")
    await one.sees_shares("XYZ", 2)


async def _seen(witness: Person, cash: str) -> float:
    await witness.sees_cash(cash)
    return time.monotonic()


async def test_without_javascript_the_same_trade_works(quick: Installation, visit: Visit, tmp_path: Path) -> None:
    """By forms and links alone: a reload shows what changed, and the countdown says until when."""
    page = await visit(quick, width=390, javascript=False)
    cleo = Person(page, "cleo")
    await cleo.sign_up()
    await cleo.deposit("1,000.00")
    await cleo.sees_cash("1,000.00")
    await cleo.quote("ABC")
    await cleo.order("buy", "ABC", "100.00")
    await expect(page.locator("#pending time").first).to_contain_text("until")
    await cleo.commit("buy")
    await cleo.sees_cash("900.00")
    await cleo.sees_shares("ABC", 20)
    await cleo.order("sell", "ABC", "50.00")
    await page.get_by_role("button", name="Cancel sell").click()
    await expect(page.locator("#pending article")).to_have_count(0)
    await cleo.trigger("sell", "ABC", "50.00")
    await cleo.arm("sell", "ABC", "4.00")
    async with asyncio.timeout(10):
        while await page.locator("#triggers article").count():
            await page.reload()
    await cleo.sees_shares("ABC", 8)
    log = await _downloaded(page, "Log as XML", tmp_path / "log.xml")
    log_schema().assertValid(etree.fromstring(log))


async def test_what_is_wrong_is_said_and_changes_nothing(quick: Installation, visit: Visit, visitors: Visitors) -> None:
    """With and without JavaScript: an order that cannot be, an amount that is none, in words beside what was asked."""
    for number, javascript in enumerate((True, False)):
        page = await visit(quick, javascript=javascript)
        dora = Person(page, f"dora{javascript}")
        await dora.sign_up()
        await dora.deposit("10.00")
        await page.get_by_label("Deposit").fill("ten")
        await page.get_by_role("button", name="Deposit").click()
        await expect(page.locator("#deposit-outcome")).to_have_class("outcome bad")
        await page.locator("#symbol").fill("ABC")
        await page.locator("#amount").fill("100.00")
        await page.get_by_role("button", name="Buy", exact=True).click()
        await expect(page.locator("#ticket-outcome")).to_have_class("outcome bad")
        await dora.sees_cash("10.00")
        visitors.watches[number].errors.clear()  # the browser's own words about the status 400


async def test_by_keyboard_alone(quick: Installation, visit: Visit) -> None:
    """Sign in, deposit and buy with Tab, letters and Enter; each place that has the focus can be seen to have it."""
    eve = Person(await visit(quick), "eve")
    await eve.sign_up()
    page = await visit(quick)
    await page.goto("/sign-in")
    keys = page.keyboard
    await _tab_to(page, "name")
    await keys.type("eve")
    await _tab_to(page, "password")
    await keys.type("correct horse battery")
    await keys.press("Enter")
    again = Person(page, "eve")
    await again.arrived()
    await again.live()
    await _tab_to(page, "deposit")
    await keys.type("100.00")
    await keys.press("Enter")
    await again.sees_cash("100.00")
    await _tab_to(page, "symbol")
    await keys.type("ABC")
    await _tab_to(page, "amount")
    await keys.type("50.00")
    await _tab_to(page, "", "Buy")
    await keys.press("Enter")
    await expect(page.get_by_role("button", name="Commit buy")).to_be_visible()
    await _tab_to(page, "commit-buy")
    await keys.press("Enter")
    await again.sees_shares("ABC", 10)


_FOCUSED = """() => {
    const one = document.activeElement;
    const style = getComputedStyle(one);
    return [one.id, one.innerText || "", style.outlineStyle !== "none" || style.boxShadow !== "none"];
}"""


async def _tab_to(page: Page, wanted: str, text: str = "") -> None:
    """Press Tab until the focus is on the element with this id, or with this text."""
    for _ in range(80):
        await page.keyboard.press("Tab")
        id_, says, visible = await page.evaluate(_FOCUSED)
        assert visible, f"the focus is on {id_ or says!r}, and cannot be seen"
        if id_ == wanted and (wanted or says.strip() == text):
            return
    raise AssertionError(f"no Tab leads to {wanted or text!r}")


async def _downloaded(page: Page, link: str, path: Path) -> bytes:
    async with page.expect_download() as download:
        await page.get_by_role("link", name=link).first.click()
    await (await download.value).save_as(path)
    return path.read_bytes()  # noqa: ASYNC240  nothing else runs here
