"""Pictures of every page for the documentation: `python -m tests.browser.pictures DIRECTORY`."""

import asyncio
import io
import sys
import tempfile
from pathlib import Path
from typing import Final, Literal

from PIL import Image
from playwright.async_api import Browser

from tests.browser.chromium import chromium
from tests.browser.places import PLACES, Place
from tests.browser.sights import Sights, lively

SIZES: Final = ((390, 844), (1440, 900))
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
SETTLES_MS: Final = 400
"""What a page may take to be live, and its transitions to be over."""


async def take(directory: Path, names: frozenset[str]) -> None:
    """Write NAME-WIDTH-light.png and NAME-WIDTH-dark.png of each page (of those named, where any are)."""
    directory.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240  nothing else runs here
    with tempfile.TemporaryDirectory() as temporary, lively(Path(temporary)) as installation:
        async with chromium() as browser:
            sights = Sights(installation, browser)
            await sights.prepare()
            for place in PLACES:
                if not names or place.name in names:
                    await _take(sights, browser, place, directory)


async def _take(sights: Sights, browser: Browser, place: Place, directory: Path) -> None:
    if place.who == "trader":
        await sights.trade()  # so that something is pending, which it is for a minute
    context = await browser.new_context(base_url=sights.installation.url, reduced_motion="reduce")
    await sights.let_in(place.who, context)
    page = await context.new_page()
    answer = await page.goto(place.path)
    assert answer is not None
    assert answer.status < 500, f"{place.path}: {await answer.text()}"
    await page.wait_for_timeout(SETTLES_MS)
    for width, height in SIZES:
        await page.set_viewport_size({"width": width, "height": height})
        for scheme in SCHEMES:
            await page.emulate_media(color_scheme=scheme)
            _write(await page.screenshot(), directory / f"{place.name}-{width}-{scheme}.png")
    await context.close()


def _write(picture: bytes, path: Path) -> None:
    """Write a picture in 128 colours, which is enough for flat ones, and a third as large."""
    with Image.open(io.BytesIO(picture)) as full:
        full.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    asyncio.run(take(Path(sys.argv[1]), frozenset(sys.argv[2:])))
