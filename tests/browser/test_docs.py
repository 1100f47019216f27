"""The page to try the API, in a browser."""

import pytest

from tests.browser.conftest import Visit
from tests.e2e.installation import Installation

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_api_is_tried_in_the_page(opened: Installation, visit: Visit) -> None:
    """An operation has a form, and one that is sent shows its answer."""
    page = await visit(opened)
    await page.goto("/api/v1/docs")
    await page.locator("#deposit summary").click()
    await page.locator("#deposit").get_by_role("button").first.click()
    await page.locator("#deposit pre", has_text="200 OK").wait_for()
