"""What a session is worth to somebody who is not its owner, in a browser."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Visit, Visitors
from tests.browser.person import Person
from tests.e2e.installation import Installation

pytestmark = pytest.mark.asyncio(loop_scope="session")

SESSION = "daytrader_session"


@pytest.fixture(autouse=True)
def _time_goes_by(required: Installation) -> None:
    """Let a minute pass, or the tests would be too many who sign up from one address."""
    required.clock.turn(60_000)


async def _cookies(page: Page) -> dict[str, str]:
    return {one.get("name", ""): one.get("value", "") for one in await page.context.cookies()}


async def test_a_cookie_is_no_scripts_business(required: Installation, visit: Visit) -> None:
    """No script reads it, it goes to no other site, and it holds no name or token that is good for anything else."""
    fay = Person(await visit(required), "fay")
    await fay.sign_up()
    assert await fay.page.evaluate("document.cookie") == ""
    stored = {one.get("name", ""): one for one in await fay.page.context.cookies()}
    assert SESSION in stored
    for cookie in stored.values():
        assert cookie.get("httpOnly")
        assert cookie.get("sameSite") in ("Lax", "Strict")
        assert cookie.get("path") == "/"
    text = stored[SESSION].get("value", "")
    answer = await fay.page.request.get("/api/v1/accounts/fay", headers={"Authorization": f"Bearer {text}"})
    assert answer.status == 401
    assert (await fay.page.request.get("/command/DISPLAY_SUMMARY?userid=fay")).status == 401


async def test_a_session_that_was_planted_is_not_taken_over(required: Installation, visit: Visit) -> None:
    """Whoever plants a cookie before somebody signs in shares nothing with them afterwards."""
    thief, victim = Person(await visit(required), "gus"), Person(await visit(required), "hal")
    await thief.sign_up()
    await victim.sign_up()
    await victim.page.get_by_role("button", name="Sign out").click()
    await expect(victim.page.get_by_role("link", name="Sign in").first).to_be_visible()
    planted = await thief.page.context.cookies()
    await victim.page.context.clear_cookies()
    await victim.page.context.add_cookies(planted)  # type: ignore[arg-type]  # what it gives is what it takes
    await victim.sign_in()
    await victim.arrived()
    mine, theirs = await _cookies(victim.page), await _cookies(thief.page)
    assert mine[SESSION] != theirs[SESSION]
    await thief.page.goto("/trade/hal")  # the session that was planted is over
    await expect(thief.page.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_a_session_ends_with_signing_out(required: Installation, visit: Visit) -> None:
    """Also for whoever kept a copy of the cookie."""
    ida = Person(await visit(required), "ida")
    await ida.sign_up()
    kept = await ida.page.context.cookies()
    await ida.page.get_by_role("button", name="Sign out").click()
    await expect(ida.page.get_by_role("link", name="Sign in").first).to_be_visible()
    copy = await visit(required)
    await copy.context.add_cookies(kept)  # type: ignore[arg-type]  # what it gives is what it takes
    await copy.goto("/trade/ida")
    await expect(copy.get_by_role("heading", name="Sign in")).to_be_visible()


async def test_nobody_looks_at_anothers_page(required: Installation, visit: Visit, visitors: Visitors) -> None:
    """A trader gets 403 for the account, history, logs and stream of another, in words."""
    jo = Person(await visit(required), "jo")
    await jo.sign_up()
    await Person(await visit(required), "kim").sign_up()
    for path in ("", "/live", "/log.xml", "/log.csv"):
        assert (await jo.page.request.get(f"/trade/kim{path}")).status == 403
    for path in ("/history/kim", "/users", "/operations", "/workloads"):
        assert (await jo.page.request.get(path)).status == 403
    answer = await jo.page.goto("/trade/kim")
    assert answer is not None
    assert answer.status == 403
    await expect(jo.page.locator("main")).to_contain_text("not yours")
    visitors.watches[0].errors.clear()  # the browser's own words about the 403


ELSEWHERE = (
    "https://evil.example/",
    "//evil.example",
    "/%5Cevil.example",
    "%5C%5Cevil.example",
    "javascript:alert(1)",
    "/%09/evil.example",
    "http:evil.example",
    "%2F%2Fevil.example",
    "/..//evil.example",
    "data:text/html,x",
)


async def test_signing_in_leads_nowhere_else(required: Installation, visit: Visit, visitors: Visitors) -> None:
    """Whatever a link to the page says, it ends at an address of this installation."""
    lea = Person(await visit(required), "lea")
    await lea.sign_up()
    for onward in ELSEWHERE:
        await lea.page.goto("about:blank")  # the page before goes on asking for its stream
        await lea.page.context.clear_cookies()
        await lea.sign_in(next_=onward)
        assert lea.page.url.startswith(f"{required.url}/"), onward
    visitors.watches[0].errors.clear()  # the browser's own words about an address of ours where nothing is


async def test_an_inline_script_does_not_run(required: Installation, visit: Visit, visitors: Visitors) -> None:
    """The policy stops what somebody might smuggle into a page: scripts, handlers, styles, foreign files and frames."""
    mia = Person(await visit(required), "mia")
    await mia.sign_up()
    blocked = await mia.page.evaluate(_SMUGGLE)
    assert await mia.page.evaluate("window.smuggled === undefined")
    assert {"script-src-elem", "script-src-attr", "img-src", "style-src-elem", "connect-src", "frame-src"} <= set(
        blocked
    )
    watch = visitors.watches[0]
    assert watch.errors
    watch.errors.clear()  # the browser's own words about what it stopped
    watch.foreign.clear()


_SMUGGLE = """async () => {
    const blocked = [];
    document.addEventListener("securitypolicyviolation", (event) => blocked.push(event.effectiveDirective));
    const script = document.createElement("script");
    script.textContent = "window.smuggled = 1";
    document.body.append(script);
    const style = document.createElement("style");
    style.textContent = "body { color: red }";
    document.body.append(style);
    const box = document.createElement("div");
    box.innerHTML = '<img src="x:" onerror="window.smuggled = 1"><img src="https://evil.example/x.png">' +
        '<iframe src="https://evil.example/"></iframe>';
    document.body.append(box);
    await fetch("https://evil.example/").catch(() => {});
    await new Promise((done) => setTimeout(done, 300));
    return blocked;
}"""


async def test_what_is_typed_stays_text(required: Installation, visit: Visit, visitors: Visitors) -> None:
    """Markup in names, symbols, amounts and filters comes back as text, or not at all."""
    page = await visit(required)
    nia = Person(page, "nia")
    await nia.sign_up()
    evil = "\"><img src=x onerror=alert(1)>'{{7*7}}"
    for path in (f"/history/nia?text={evil}&symbol={evil}&kind={evil}", f"/trade/nia?symbol={evil}"):
        await page.goto(path)
        assert await page.locator("img[src=x]").count() == 0
        assert "49" not in await page.locator("main").inner_text()
    await page.goto("/trade/nia")
    await page.get_by_label("Deposit").fill(evil)
    await page.get_by_role("button", name="Deposit").click()
    await expect(page.locator("#deposit-outcome")).to_have_class("outcome bad")
    assert await page.locator("img[src=x]").count() == 0
    visitors.watches[0].errors.clear()  # the browser's own words about the status 400
