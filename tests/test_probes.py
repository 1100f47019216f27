"""What every service answers to anybody."""

from starlette.applications import Starlette

from daytrader.internal import InternalAuth, Tokens
from daytrader.probes import OPEN_PATHS, probe_routes
from tests.web.client import exchange, get
from tests.web.replica import HttpServer


async def test_probes_need_no_credential() -> None:
    """Alive at any time, ready or not with the reason, and the build; everything else is refused."""
    missing = "the journal is away"
    app = InternalAuth(Starlette(routes=probe_routes(lambda: missing, "1.2-abc")), Tokens("one"), OPEN_PATHS)
    async with HttpServer(app) as server:
        asked = [await exchange(server.port, get(path)) for path in ("/live", "/ready", "/version", "/health")]
        assert [(answer.status, answer.body) for answer in asked[:3]] == [
            (200, b"live"),
            (503, b"the journal is away"),
            (200, b"1.2-abc"),
        ]
        assert asked[3].status == 401
        missing = ""
        answer = await exchange(server.port, get("/ready"))
        assert (answer.status, answer.body) == (200, b"ready")
