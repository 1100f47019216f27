"""What pages are made with: Jinja2 templates, everything in them escaped."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from daytrader.web.page.amount import shown
from daytrader.web.page.grouped import grouped
from daytrader.web.page.visitor import Visitor


def when(ms: int) -> Markup:
    """Return a moment (ms since the epoch) as an element that says it to people and to programs."""
    at = datetime.fromtimestamp(ms // 1_000, UTC)
    return Markup('<time datetime="{}">{}</time>').format(iso(ms), f"{at:%Y-%m-%d %H:%M:%S} UTC")


def iso(ms: int) -> str:
    """Return a moment (ms since the epoch) as programs read it."""
    return f"{datetime.fromtimestamp(ms // 1_000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def clock(ms: int) -> str:
    """Return the time of day of a moment (ms since the epoch), where the day goes without saying."""
    return f"{datetime.fromtimestamp(ms // 1_000, UTC):%H:%M:%S} UTC"


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("daytrader.web.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {"money": grouped, "shown": shown, "when": when, "iso": iso, "clock": clock}
    return made


ENVIRONMENT: Final = _environment()


def text(template: str, **context: object) -> str:
    """Return what a template makes of `context`: a fragment, which knows no more than it is given."""
    return ENVIRONMENT.get_template(template).render(context)


def render(request: Request, visitor: Visitor, template: str, status: int = 200, **context: object) -> Response:
    """Return a page for `visitor`. Templates also know `visitor`, the request's `path`, and `csrf` for forms."""
    known = {"visitor": visitor, "path": request.url.path, "csrf": visitor.csrf}
    return HTMLResponse(text(template, **known, **context), status)


def trouble(request: Request, visitor: Visitor, status: int, words: str) -> Response:
    """Return the page that says what is wrong with a request."""
    title = HTTPStatus(status).phrase
    return render(request, visitor, "trouble.html", status, title=title, words=words)
