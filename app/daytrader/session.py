"""The HTTP clients for requests to the other services of the installation."""

import ssl
from contextlib import AbstractAsyncContextManager
from typing import Final

import aiohttp

from daytrader.internal import Tokens
from daytrader.tls import ClientTls

IDLE_SECONDS: Final = 15.0
"""Idle connections are given up before a server gives them up (after 75 s), so that no request meets a closed one."""


class ProbeSession:
    """Connections for asking what anybody may ask, as a kubelet does: nothing is shown, and nobody is verified."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    def get(self, url: str, timeout: aiohttp.ClientTimeout) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Send a GET, to be entered for its response. It raises as aiohttp does."""
        if self._session is None:
            connector = aiohttp.TCPConnector(ssl=False, force_close=True)
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._session.get(url, timeout=timeout, allow_redirects=False)

    async def close(self) -> None:
        """Close all connections; the next request opens them anew."""
        if self._session is not None:
            await self._session.close()
            self._session = None


class InternalSession:
    """Connections to one kind of service, kept alive, and the credential that every internal request carries."""

    def __init__(self, tokens: Tokens, tls: ClientTls | None = None, name: str = "") -> None:
        """`tls` is for https; `name` is the server's name in its certificate, empty: the one in the URL.

        Replicas that a headless Service lists are connected to by address, and have its name in their certificates.
        """
        self._tokens = tokens
        self._tls = tls
        self._name = name if tls is not None and name else None
        self._shown = ""
        self._session: aiohttp.ClientSession | None = None

    def get(self, url: str, timeout: aiohttp.ClientTimeout) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Send a GET, to be entered for its response. It raises as aiohttp does."""
        return self._current().get(
            url, timeout=timeout, ssl=self._context(), server_hostname=self._name, allow_redirects=False
        )

    def post(
        self, url: str, data: bytes, timeout: aiohttp.ClientTimeout
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Send a POST with the body `data`, to be entered for its response. It raises as aiohttp does."""
        return self._current().post(
            url, data=data, timeout=timeout, ssl=self._context(), server_hostname=self._name, allow_redirects=False
        )

    def _context(self) -> ssl.SSLContext | bool:
        return True if self._tls is None else self._tls.context

    def _current(self) -> aiohttp.ClientSession:
        """The session of the running event loop, opened at the first call; it shows what is to be shown now."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            )
        if self._shown != self._tokens.authorization:
            self._shown = self._tokens.authorization
            self._session.headers["Authorization"] = self._shown
        return self._session

    async def close(self) -> None:
        """Close all connections; the next request opens them anew."""
        if self._session is not None:
            await self._session.close()
            self._session = None
            self._shown = ""
