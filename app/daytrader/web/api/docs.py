"""The page to try the API, and the document that it shows. Loads nothing from elsewhere, and runs no inline script."""

from importlib.resources import files
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from daytrader.web.api.openapi import document
from daytrader.web.api.operations import PREFIX

_FILES: Final = {"docs": "docs.html", "docs.css": "docs.css", "docs.js": "docs.js"}
"""File of the page by its address below `PREFIX`."""

_TYPES: Final = {"html": "text/html", "css": "text/css", "js": "text/javascript"}

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def docs_routes() -> list[Route]:
    """Return the routes of the document and of the page's files, which are read now."""
    routes = [_fixed(f"{PREFIX}/openapi.json", document(), "application/json")]
    for address, name in _FILES.items():
        content = files("daytrader.web.api").joinpath("page", name).read_bytes()
        routes.append(_fixed(f"{PREFIX}/{address}", content, _TYPES[name.rpartition(".")[2]]))
    return routes


def _fixed(path: str, content: bytes, media_type: str) -> Route:
    async def answer(_: Request) -> Response:
        return Response(content, headers=_HEADERS, media_type=media_type)

    return Route(path, answer)
