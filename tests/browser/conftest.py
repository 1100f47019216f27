"""A browser for all tests of a process, a context of its own for each test, and installations to look at."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page

from tests.browser.chromium import Watch, chromium
from tests.e2e.installation import Installation, running

SCREENSHOTS = Path("out/browser")
"""Where a failing test leaves what its pages showed."""

PATIENCE_MS = 10_000
"""How long a page may take to show something, on a busy machine."""

_report = pytest.StashKey[pytest.TestReport]()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Keep how a test went, for the fixture that takes a screenshot of one that failed."""
    outcome = yield
    report: pytest.TestReport = outcome.get_result()  # type: ignore[attr-defined]
    if report.when == "call":
        item.stash[_report] = report


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One running browser."""
    async with chromium() as browser:
        yield browser


@pytest.fixture(scope="package")
def required(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An embedded installation in required mode, that the tests of a process share: take names of your own."""
    with running(tmp_path_factory.mktemp("required"), "--auth", "required") as installation:
        yield installation


@pytest.fixture(scope="package")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An embedded installation in open mode, that the tests of a process share: take names of your own."""
    with running(tmp_path_factory.mktemp("open")) as installation:
        yield installation


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation in required mode with two web replicas, each a process."""
    with running(tmp_path_factory.mktemp("cluster"), "--cluster", "2", "--auth", "required") as installation:
        yield installation


class Visitors:
    """People with browsers of their own: each `visit` begins with no cookie."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self.contexts: list[BrowserContext] = []
        self.watches: list[Watch] = []

    async def visit(
        self,
        installation: Installation,
        *,
        width: int = 1440,
        dark: bool = False,
        javascript: bool = True,
        also: tuple[str, ...] = (),
    ) -> Page:
        """Return an empty page whose paths are those of `installation`; `also` are further addresses that it has."""
        context = await self._browser.new_context(
            base_url=installation.url,
            viewport={"width": width, "height": 844 if width < 600 else 900},
            color_scheme="dark" if dark else "light",
            java_script_enabled=javascript,
            accept_downloads=True,
        )
        context.set_default_timeout(PATIENCE_MS)
        watch = Watch(installation.url, *also)
        context.on("page", watch.watch)
        self.contexts.append(context)
        self.watches.append(watch)
        return await context.new_page()

    async def leave(self) -> None:
        """Close everything."""
        for context in self.contexts:
            await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def visitors(browser: Browser, request: pytest.FixtureRequest) -> AsyncIterator[Visitors]:
    """People who come to the pages; whatever they did, nothing came from elsewhere and no script failed."""
    visitors = Visitors(browser)
    yield visitors
    report = request.node.stash.get(_report, None)
    if report is not None and report.failed:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240  nothing else runs here
        await _keep_screenshots(visitors, request.node.name)
    await visitors.leave()
    for watch in visitors.watches:
        assert watch.foreign == []
        assert watch.errors == []


async def _keep_screenshots(visitors: Visitors, test: str) -> None:
    pages = [page for context in visitors.contexts for page in context.pages]
    for number, page in enumerate(pages):
        await page.screenshot(
            full_page=True, path=SCREENSHOTS / f"{re.sub(r'[^A-Za-z0-9_-]+', '-', test)}-{number}.png"
        )


Visit = Callable[..., Awaitable[Page]]


@pytest.fixture
def visit(visitors: Visitors) -> Visit:
    """Opens a page in a browser of its own; see `Visitors.visit`."""
    return visitors.visit
