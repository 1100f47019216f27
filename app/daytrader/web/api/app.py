"""The API's routes, and what it answers where there is none."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from daytrader.web.api import problems
from daytrader.web.api.batch import PATH, BatchEndpoint
from daytrader.web.api.desk import Desk
from daytrader.web.api.docs import docs_routes
from daytrader.web.api.endpoints import LogEndpoint, OperationEndpoint
from daytrader.web.api.operations import LOGS, OPERATIONS, PREFIX
from daytrader.web.api.respond import encode
from daytrader.web.api.streams import ACCOUNT_PATH, QUOTES_PATH, AccountStreamEndpoint, Live, QuoteStreamEndpoint
from daytrader.web.dump import Dumps


def api(desk: Desk, dumps: Dumps, live: Live) -> Starlette:
    """Return the ASGI app that answers every request below `PREFIX`."""
    operations = [
        Route(PREFIX + one.path, OperationEndpoint(one, desk), methods=[one.method], name=one.id) for one in OPERATIONS
    ]
    logs = [Route(PREFIX + one.path, LogEndpoint(one, desk, dumps), methods=["GET"], name=one.id) for one in LOGS]
    app = Starlette(
        routes=[
            *operations,
            *logs,
            Route(PREFIX + ACCOUNT_PATH, AccountStreamEndpoint(live), methods=["GET"]),
            Route(PREFIX + QUOTES_PATH, QuoteStreamEndpoint(live), methods=["GET"]),
            Route(PREFIX + PATH, BatchEndpoint(desk), methods=["POST"]),
            Route(f"{problems.TYPES}{{code}}", _show_problem),
            *docs_routes(),
        ],
        exception_handlers={HTTPException: _no_route, Exception: _defect},
    )
    app.router.redirect_slashes = False
    return app


async def _show_problem(request: Request) -> Response:
    """Tell what a kind of problem means."""
    kind = problems.KINDS.get(request.path_params["code"])
    if kind is None:
        raise HTTPException(404)
    return Response(encode(kind), media_type="application/json")


async def _no_route(request: Request, error: Exception) -> Response:
    """Answer a path that is none, or a method that it does not have."""
    if isinstance(error, HTTPException) and error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        detail = f"{request.method} is not what this address is for, but {allowed}"
        return _problem(problems.NO_METHOD, detail, {"Allow": allowed})
    return _problem(problems.NOT_FOUND, "There is nothing at this address")


async def _defect(_: Request, __: Exception) -> Response:
    return _problem(problems.DEFECT, "Internal error")


def _problem(kind: problems.Kind, detail: str, headers: dict[str, str] | None = None) -> Response:
    body = encode(problems.problem(kind, detail))
    return Response(body, kind.status, headers, media_type=problems.MEDIA_TYPE)
