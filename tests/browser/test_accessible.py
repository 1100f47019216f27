"""Every page is for everybody: axe-core finds nothing, on a phone and on a wide screen, in light and in dark."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page

from tests.browser.conftest import Visit, Visitors
from tests.browser.places import PLACES, Place
from tests.browser.sights import Sights, lively

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.xdist_group("sights")]

Looks = tuple[tuple[int, bool], ...]

RULES = {
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}
LOOKS = [
    ((1440, False), (390, True)),
    pytest.param(((1440, True), (390, False)), marks=pytest.mark.long),
]
"""Width in px, and whether it is dark: each is looked at usually, and the other pairs in the long run."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sights(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sights]:
    """What there is to see."""
    with lively(tmp_path_factory.mktemp("sights")) as installation:
        sights = Sights(installation, browser)
        await sights.prepare()
        yield sights


@pytest.mark.parametrize("looks", LOOKS, ids=["each look", "the other looks"])
@pytest.mark.parametrize("place", PLACES, ids=[place.name for place in PLACES])
async def test_nothing_keeps_anybody_out(
    sights: Sights, visit: Visit, visitors: Visitors, place: Place, looks: Looks
) -> None:
    """No violation of WCAG 2.2 AA, and nothing that has to be scrolled sideways."""
    page = await visit(sights.installation)
    await sights.let_in(place.who, page.context)
    await page.goto(place.path)
    if place.name == "not-found":
        visitors.watches[0].errors.clear()  # the browser's own words about the 404
    for width, dark in looks:
        await page.set_viewport_size({"width": width, "height": 900})
        await page.emulate_media(color_scheme="dark" if dark else "light")
        look = f"{place.name} at {width} px in {'dark' if dark else 'light'}"
        assert await _violations(page) == [], look
        over = await page.evaluate("document.scrollingElement.scrollWidth - window.innerWidth")
        assert over <= 0, f"{look} is {over} px too wide"


async def test_axe_finds_what_is_wrong(sights: Sights, visit: Visit) -> None:
    """The test above can fail: an image without a text, a field without a label and grey on grey are found."""
    page = await visit(sights.installation)
    await page.goto("/sign-in")
    await page.evaluate(
        """() => { document.querySelector("main").innerHTML =
            '<img src="/static/icon.svg"><input name="x"><p class="pale">pale</p>';
            document.querySelector(".pale").style.color = "#ccc"; }"""
    )
    found = await _violations(page)
    assert {one.partition(":")[0] for one in found} >= {"image-alt", "label", "color-contrast"}


async def _violations(page: Page) -> list[str]:
    results = await Axe().run(page, options=RULES)
    return [
        f"{violation['id']}: {node['html'][:300]} ({node.get('failureSummary', '')[:300]})"
        for violation in results.response["violations"]
        for node in violation["nodes"]
    ]
