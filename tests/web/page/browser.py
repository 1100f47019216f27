"""A browser without a screen: keeps cookies, and sends the forms of the pages that it was shown."""

import re
from http.cookies import SimpleCookie
from urllib.parse import urlencode

import msgspec

from tests.web.client import Answer, exchange, get

_csrf = re.compile(r'name="csrf" value="([^"]+)"')

PASSWORD = "long enough"

FORM = "Content-Type: application/x-www-form-urlencoded"


class Shown(msgspec.Struct, frozen=True):
    """What a browser was answered."""

    status: int
    headers: dict[str, str]
    set_cookies: tuple[str, ...]
    text: str

    @property
    def location(self) -> str:
        """Where it is sent on to."""
        return self.headers.get("location", "")

    @property
    def csrf(self) -> str:
        """What its forms carry; empty: it has none."""
        found = _csrf.search(self.text)
        return found[1] if found else ""


class Browser:
    """One browser at one port of this machine, which `cookies` may come from another."""

    def __init__(self, port: int, cookies: dict[str, str] | None = None) -> None:
        self.port = port
        self.cookies: dict[str, str] = {} if cookies is None else dict(cookies)

    async def get(self, path: str, *headers: str, method: str = "GET") -> Shown:
        """Ask for a page."""
        return self._took(await exchange(self.port, get(path, *self._cookie(), *headers, method=method)))

    async def post(self, path: str, *headers: str, **fields: str) -> Shown:
        """Send a form as it is, by default as a page of the same host does."""
        if not any(header.lower().startswith("origin:") for header in headers):
            headers = ("Origin: http://localhost", *headers)
        body = urlencode(fields).encode()
        return self._took(
            await exchange(self.port, get(path, FORM, *self._cookie(), *headers, method="POST", body=body))
        )

    async def send(self, page: str, path: str | None = None, *headers: str, **fields: str) -> Shown:
        """Ask for `page`, fill its form, and send it (to `path`; None: to the page itself)."""
        form = await self.get(page)
        assert form.status == 200, form.text
        return await self.post(path or page.partition("?")[0], *headers, csrf=form.csrf, **fields)

    async def sign_up(self, name: str, password: str = PASSWORD) -> Shown:
        """Sign up."""
        return await self.send("/sign-up", name=name, password=password, again=password)

    async def sign_in(self, name: str, password: str = PASSWORD, *headers: str) -> Shown:
        """Sign in."""
        return await self.send("/sign-in", None, *headers, name=name, password=password)

    async def is_signed_in(self) -> bool:
        """Return whether the pages of somebody are shown."""
        return (await self.get("/password")).status == 200

    def _cookie(self) -> list[str]:
        return (
            ["Cookie: " + "; ".join(f"{name}={value}" for name, value in self.cookies.items())] if self.cookies else []
        )

    def _took(self, answer: Answer) -> Shown:
        for line in answer.cookies:
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        return Shown(answer.status, answer.headers, tuple(answer.cookies), answer.body.decode())
