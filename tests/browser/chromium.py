"""The system's Chromium, driven by Playwright, and pages that note what they must not do."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

from playwright.async_api import Browser, ConsoleMessage, Error, Page, Request, async_playwright

ARGUMENTS: Final = (
    "--no-sandbox",  # tests run as root in containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def program() -> str:
    """Return the path of the browser: what DAYTRADER_CHROMIUM names, or Chromium on PATH.

    Raises RuntimeError where there is none, with what to do about it: tests of the pages are never left out.
    """
    named = os.environ.get("DAYTRADER_CHROMIUM", "chromium")
    found = shutil.which(named)
    if found is None:
        raise RuntimeError(f"{named} is not there: run ci/browser, or name a Chromium in DAYTRADER_CHROMIUM")
    return found


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Give a running browser, without a window."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program(), args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            await browser.close()


class Watch:
    """Notes what the pages of a context do that none of ours may: errors, and requests to anywhere else."""

    def __init__(self, *addresses: str) -> None:
        """`addresses` are the URLs of the installation; whatever else is asked for is foreign."""
        self._hosts = {urlsplit(address).netloc for address in addresses}
        self.foreign: list[str] = []
        """Requests to another host."""
        self.errors: list[str] = []
        """What the console calls an error, and exceptions that no script caught."""
        self.requests: list[str] = []
        """Every request, as method and URL."""

    def watch(self, page: Page) -> None:
        """Note what this page does."""
        page.on("request", self._requested)
        page.on("console", self._said)
        page.on("pageerror", self._failed)

    def _requested(self, request: Request) -> None:
        self.requests.append(f"{request.method} {request.url}")
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob", "about") and parts.netloc not in self._hosts:
            self.foreign.append(request.url)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"{message.location.get('url')}: {message.text}")

    def _failed(self, error: Error) -> None:
        self.errors.append(str(error))
