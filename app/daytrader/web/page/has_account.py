"""Whether somebody has traded under a userid, which then is not free for whoever signs up."""

from collections.abc import Awaitable, Callable

from daytrader.domain import refusal
from daytrader.web.api.desk import Desk, command_of
from daytrader.web.page.form import RefusedError

_AWAY = "Whether that name is free cannot be found out right now: try again in a moment"


def has_account_at(desk: Desk) -> Callable[[str], Awaitable[bool]]:
    """Return what asks at the desk: a DISPLAY_SUMMARY, which stands in the log as any other. Raises RefusedError."""

    async def has_account(user: str) -> bool:
        request = desk.request(command_of("DISPLAY_SUMMARY", user), None, None)
        reply = await desk.decide(request, "DISPLAY_SUMMARY")
        if reply.status == 200:
            return True
        if reply.status == 400 and reply.body.decode() == refusal.NO_USER:
            return False
        raise RefusedError(503, _AWAY, retry_after=1)

    return has_account
