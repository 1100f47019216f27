"""Style sheet, script and pictures: all read at the start, so that no path of a request is ever opened."""

import hashlib
from importlib.resources import files
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_TYPES: Final = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def static_routes() -> list[Route]:
    """Return a route below /static/ for each file there is."""
    found = files("daytrader.web.page").joinpath("static").iterdir()
    return [
        _fixed(f"/static/{file.name}", file.read_bytes(), _TYPES[ending])
        for file in found
        if (ending := file.name.rpartition(".")[2]) in _TYPES
    ]


def _fixed(path: str, content: bytes, media_type: str) -> Route:
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}

    async def answer(request: Request) -> Response:
        known = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
        if tag in known:
            return Response(status_code=304, headers=headers)
        return Response(content, headers=headers, media_type=media_type)

    return Route(path, answer)
