"""A person at a browser without JavaScript, and the script of a page where a test wants one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from lxml import etree, html

WITHIN = aiohttp.ClientTimeout(total=20)


def words(element: "etree._Element") -> str:
    """Return what an element says, each piece of text apart from the next by one space."""
    return " ".join(" ".join(map(str, element.itertext())).split())


class Page:
    """A page that is shown."""

    def __init__(self, status: int, path: str, text: str) -> None:
        self.status = status
        self.path = path
        self.source = text
        self._tree = html.document_fromstring(text)

    def text(self, identifier: str) -> str:
        """Return what the element of that id says, with its white space made single."""
        return words(self._found(f"//*[@id='{identifier}']")[0])

    def has(self, xpath: str) -> bool:
        """Whether there is such an element."""
        return bool(self._found(xpath))

    @property
    def live(self) -> str:
        """Where what makes it live comes from."""
        return self._found("//*[@data-live]")[0].get("data-live", "")

    def hidden(self, action: str) -> dict[str, str]:
        """Return the hidden fields of the first form that sends to `action`, or of any where none (any more) does."""
        forms = self._found(f"//form[@action='{action}'] | //form[.//button[@formaction='{action}']]")
        form = (forms or self._found("//form[.//input[@name='csrf']]"))[0]
        fields = [one for one in form.iter("input") if one.get("type") == "hidden"]
        return {one.get("name", ""): one.get("value", "") for one in fields}

    def _found(self, xpath: str) -> "list[etree._Element]":
        found = self._tree.xpath(xpath)
        return [one for one in found if isinstance(one, etree._Element)] if isinstance(found, list) else []


class Person:
    """Somebody with a browser: cookies are kept, redirects followed."""

    def __init__(self, port: int, client: aiohttp.ClientSession) -> None:
        self.base = f"http://127.0.0.1:{port}"
        self.client = client

    async def open(self, path: str) -> Page:
        """Return the page at `path`."""
        async with self.client.get(self.base + path) as answer:
            return Page(answer.status, answer.url.path_qs, await answer.text())

    async def send(self, page: Page, action: str, **fields: str) -> Page:
        """Fill in the form of `page` that sends to `action`, send it, and return the page that comes then."""
        data = page.hidden(action) | fields
        async with self.client.post(self.base + action, data=data) as answer:
            return Page(answer.status, answer.url.path_qs, await answer.text())

    async def fetch(self, page: Page, action: str, **fields: str) -> tuple[int, str]:
        """Send the same as the script of `page` does, and return the status and the fragment."""
        headers = {"X-Fragment": "1", "X-CSRF-Token": page.hidden(action)["csrf"]}
        async with self.client.post(self.base + action, data=fields, headers=headers) as answer:
            return answer.status, await answer.text()

    async def status(self, path: str, method: str = "GET", **fields: str) -> int:
        """Return the status of what is answered, redirects not followed."""
        data = fields or None
        async with self.client.request(method, self.base + path, data=data, allow_redirects=False) as answer:
            return answer.status

    @asynccontextmanager
    async def watch(self, path: str) -> AsyncIterator["Watch"]:
        """Read the stream at `path`."""
        async with self.client.get(self.base + path, headers={"Accept": "text/event-stream"}) as answer:
            assert answer.status == 200, await answer.text()
            assert answer.content_type == "text/event-stream"
            yield Watch(answer)


class Watch:
    """What a page gets."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer
        self.last_id = ""

    async def parts(self) -> dict[str, str]:
        """Return the next event: what each part says, by its id."""
        data: list[str] = []
        async with asyncio.timeout(10):
            while (line := (await self._answer.content.readline()).decode().rstrip("\n")) or not data:
                name, _, value = line.partition(": ")
                if name == "data":
                    data.append(value)
                elif name == "id":
                    self.last_id = value
                assert not self._answer.content.at_eof(), "the stream ended"
        tree = html.fragments_fromstring("\n".join(data))
        return {str(one.get("id")): words(one) for one in tree if isinstance(one, etree._Element)}


@asynccontextmanager
async def person(port: int) -> AsyncIterator[Person]:
    """Give somebody with a browser of their own."""
    jar = aiohttp.CookieJar(unsafe=True)  # 127.0.0.1 has no name
    async with aiohttp.ClientSession(cookie_jar=jar, timeout=WITHIN) as client:
        yield Person(port, client)
