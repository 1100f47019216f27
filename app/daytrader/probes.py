"""What every service answers to anybody: whether it lives, whether it is ready, and which build it is."""

from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

OPEN_PATHS: Final = frozenset({"/live", "/ready", "/version"})
"""What answers without the internal credential: it tells nothing that needs one."""


def probe_routes(waits_for: Callable[[], str], version: str) -> list[Route]:
    """Return the routes. `waits_for()` tells what keeps the service from being ready, in words; empty: nothing."""

    async def live(_: Request) -> Response:
        return PlainTextResponse("live")

    async def ready(_: Request) -> Response:
        missing = waits_for()
        return PlainTextResponse(missing or "ready", 503 if missing else 200)

    async def show_version(_: Request) -> Response:
        return PlainTextResponse(version)

    return [Route("/live", live), Route("/ready", ready), Route("/version", show_version)]
