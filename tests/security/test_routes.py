"""The tables against the routes that there are: none can be new without saying who may use it."""

from collections.abc import Iterable

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route

from daytrader.domain.command import COMMAND_NAMES
from tests.security.conftest import Kept
from tests.security.pages import PAGES
from tests.security.table import TABLE

NAMED = {(row.method, row.route) for row in TABLE} | {(page.method, page.route) for page in PAGES}


async def test_every_route_is_in_a_table(kept: Kept) -> None:
    """With its methods; HEAD goes with GET, and of `/heartbeat`, which any method has, one stands for all."""
    assert isinstance(kept.app._api, Starlette)
    pages = kept.app.router.default
    assert isinstance(pages, Starlette)
    there = set(_methods([*kept.app.routes, *kept.app._api.routes, *pages.routes]))
    assert len(there) > 40
    assert there == {named for named in NAMED if not named[1].startswith("/command/")}


def test_every_command_is_in_the_table() -> None:
    """They have no routes: what they are is decided by name."""
    assert {("POST", f"/command/{name}") for name in [*COMMAND_NAMES, "NONE"]} == {
        named for named in NAMED if named[1].startswith("/command/")
    }


def _methods(routes: Iterable[BaseRoute]) -> Iterable[tuple[str, str]]:
    for route in routes:
        assert isinstance(route, Route), f"{route} is no plain route: the tables cannot tell who may use it"
        methods = {"GET"} if route.path == "/heartbeat" else (route.methods or {"GET"}) - {"HEAD"}
        for method in methods:
            yield method, route.path
