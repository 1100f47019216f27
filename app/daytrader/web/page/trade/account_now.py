"""One look at an account, for a page that is shown once."""

import asyncio
from contextlib import aclosing
from typing import Final

from daytrader.domain.account import Account
from daytrader.web.account_stream import AccountUpdate
from daytrader.web.hub import Hub
from daytrader.web.page.trade.seen import Seen

JOIN_WITHIN: Final = 3.0
"""Seconds in which a transaction replica has to tell of the account."""

SEEN_WITHIN: Final = 1.0
"""Seconds in which what was just done has to be in it; then it is shown without."""


QUOTES_WITHIN: Final = 0.25
"""Seconds that a page waits for quotes that were never seen here."""


class AwayError(Exception):
    """Nobody tells of the account now."""


async def account_now(hub: Hub, user: str, request: str = "") -> AccountUpdate:
    """Return the account, with the command in it that has the id `request`; empty: whatever is in it.

    Others may look at the same account, and what they were told last is then half a second old. Raises AwayError.
    """
    async with aclosing(hub.account(user)) as stream:
        if not await stream.join(JOIN_WITHIN):
            raise AwayError
        try:
            update = await anext(stream)
            async with asyncio.timeout(SEEN_WITHIN):
                while request and not _has(update.account, request):
                    update = await anext(stream)
        except TimeoutError:
            pass
        except StopAsyncIteration:
            raise AwayError from None
        return update


async def learn_quotes(hub: Hub, seen: Seen, symbols: frozenset[str]) -> None:
    """Note the newest quotes of `symbols` that anybody knows; nothing is asked of the quote server."""
    missing = set(symbols - seen.quotes(symbols).keys())
    async with aclosing(hub.quotes(symbols)) as stream:
        try:
            async with asyncio.timeout(QUOTES_WITHIN):
                while missing or stream.waits:
                    quote = await anext(stream)
                    seen.note(quote)
                    missing.discard(quote.symbol)
        except (TimeoutError, StopAsyncIteration):
            return


def _has(account: Account | None, request: str) -> bool:
    return account is not None and any(one.request == request for one in reversed(account.recent))
