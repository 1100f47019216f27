"""What is watched at a transaction replica elsewhere: one long answer tells, and changes go by requests beside it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

import aiohttp
import msgspec
import structlog

from daytrader.session import InternalSession
from daytrader.transaction.feed import Changes, Frames, Hello, Message, encode_changes
from daytrader.web.hub import FeedBrokenError

SILENCE: Final = 3.0
"""Seconds without a message after which a replica counts as dead; it sends one every second at least."""

MOST_AT_ONCE: Final = 1_000
"""Watches in one request."""

_log = structlog.get_logger(__name__)


class RemoteFeed:
    """The feed of the replica at `url`."""

    def __init__(self, url: str, session: InternalSession) -> None:
        self._url = url
        self._session = session
        self._changes: asyncio.Queue[Changes] = asyncio.Queue()

    def change(self, changes: Changes) -> None:
        """Watch other users and symbols from now on."""
        watch, unwatch = changes.watch, changes.unwatch
        self._changes.put_nowait(Changes(watch[:MOST_AT_ONCE], unwatch, changes.symbols))
        for start in range(MOST_AT_ONCE, len(watch), MOST_AT_ONCE):
            self._changes.put_nowait(Changes(watch[start : start + MOST_AT_ONCE]))

    async def messages(self) -> AsyncGenerator[list[Message], None]:
        """Yield what there is to tell. Raises FeedBrokenError."""
        changing: asyncio.Task[None] | None = None
        try:
            async with aclosing(self._received()) as batches:
                async for messages in batches:
                    if changing is None:
                        hello = messages[0]
                        if not isinstance(hello, Hello):
                            raise FeedBrokenError("it does not say hello")
                        changing = asyncio.create_task(
                            self._send_changes(hello.name), name="changes of what is watched"
                        )
                    elif changing.done():
                        changing.result()
                    yield messages
        finally:
            if changing is not None:
                changing.cancel()
                await asyncio.gather(changing, return_exceptions=True)

    async def _received(self) -> AsyncGenerator[list[Message], None]:
        frames = Frames()
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=SILENCE, sock_read=SILENCE)
        try:
            async with self._session.post(f"{self._url}/watch", b"", timeout) as response:
                if response.status != 200:
                    raise FeedBrokenError(f"answers {response.status} to a watch")
                async for piece in response.content.iter_any():
                    messages = frames.take(piece)
                    if messages:
                        yield messages
        except TimeoutError as error:
            raise FeedBrokenError(f"was silent for {SILENCE} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise FeedBrokenError(f"the connection broke: {error!r}") from error
        except (ValueError, msgspec.MsgspecError) as error:
            raise FeedBrokenError(f"what it tells cannot be read: {error}") from error

    async def _send_changes(self, name: str) -> None:
        timeout = aiohttp.ClientTimeout(total=SILENCE)
        while True:
            changes = await self._changes.get()
            unwatch, symbols = list(changes.unwatch), changes.symbols
            watch = list(changes.watch)
            while not self._changes.empty() and len(watch) < MOST_AT_ONCE:
                more = self._changes.get_nowait()
                watch += more.watch
                unwatch += more.unwatch
                symbols = more.symbols if more.symbols is not None else symbols
            body = encode_changes(Changes(watch, unwatch, symbols))
            try:
                async with self._session.post(f"{self._url}/watch/{name}", body, timeout) as response:
                    if response.status != 204:
                        raise FeedBrokenError(f"answers {response.status} to a change of what is watched")
            except TimeoutError as error:
                raise FeedBrokenError(f"takes no change of what is watched within {SILENCE} s") from error
            except (aiohttp.ClientError, OSError) as error:
                raise FeedBrokenError(f"the connection broke: {error!r}") from error
