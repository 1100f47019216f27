"""Asking for metrics."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from daytrader.serving import listen, serve
from daytrader.web.metrics import CommandMetrics
from daytrader.web.ops import scrape as module
from daytrader.web.ops.scrape import OwnScraper, RemoteScraper
from daytrader.web.ops.targets import targets_of
from tests.web.ops.build import START

Answer = Callable[[], Response]


def _registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    commands = CommandMetrics()
    registry.register(commands)
    commands.answered("ADD", 200, 0.005)
    Gauge("daytrader_build_info", "Build.", ["version"], registry=registry).labels("1.2").set(1)
    Gauge("daytrader_audit_lag_seconds", "Lag.", registry=registry).set(0.5)
    Counter("daytrader_other", "Needed by nobody here.", registry=registry).inc()
    return registry


@asynccontextmanager
async def _service(answer: Answer) -> AsyncIterator[str]:
    """A service whose metrics are what `answer` gives; its HOST:PORT."""

    async def metrics(_: Request) -> Response:
        return answer()

    stop = asyncio.Event()
    listener = listen("127.0.0.1", 0)
    serving = asyncio.create_task(serve(Starlette(routes=[Route("/metrics", metrics)]), [listener], stop=stop, grace=1))
    try:
        yield "{}:{}".format(*listener.getsockname())
    finally:
        stop.set()
        await serving


@asynccontextmanager
async def _scraper(text: str) -> AsyncIterator[RemoteScraper]:
    scraper = RemoteScraper(targets_of(text), lambda: START)
    try:
        yield scraper
    finally:
        await scraper.close()


async def test_what_a_service_says_is_read_as_its_role_needs_it() -> None:
    """The build, and the samples of its own role alone."""
    async with (
        _service(lambda: Response(generate_latest(_registry()), media_type="text/plain")) as address,
        _scraper(f"web=http://{address},audit=http://{address}") as scraper,
    ):
        found = await scraper.scrape()
    web, audit = found.sources
    assert (found.at, web.name, web.build, web.error) == (START, address, "1.2", "")
    assert web.reading[("daytrader_commands_total", "ADD", "accepted")] == 1
    assert web.reading[("daytrader_web_seconds_bucket", "ADD", "0.008")] == 1
    assert audit.reading == {("daytrader_audit_lag_seconds",): 0.5}


async def test_this_process_says_the_same_without_http() -> None:
    """The embedded mode is every service at once."""
    scraper = OwnScraper(_registry(), lambda: START, ("web", "audit"))
    web, audit = (await scraper.scrape()).sources
    assert web.reading[("daytrader_web_seconds_bucket", "ADD", "0.008")] == 1
    assert (audit.role, audit.reading) == ("audit", {("daytrader_audit_lag_seconds",): 0.5})
    await scraper.close()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda: PlainTextResponse("no", 404), "answers 404"),
        (lambda: PlainTextResponse("daytrader_web_in_flight what\n"), "cannot be read"),
        (lambda: Response(b"\xff\xfe"), "cannot be read"),
        (lambda: PlainTextResponse("#" * 5000), "more than 4096 bytes"),
    ],
)
async def test_what_is_no_metrics_is_told_of(answer: Answer, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service is in the snapshot, with the reason, and the others are not kept from it."""
    monkeypatch.setattr(module, "LARGEST", 4096)
    async with _service(answer) as address, _scraper(f"web=http://{address}") as scraper:
        (source,) = (await scraper.scrape()).sources
    assert says in source.error
    assert source.reading == {}


async def test_who_is_silent_or_away_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that takes no connection, one that never answers, and a name that is none."""
    monkeypatch.setattr(module, "LIMIT", 0.3)
    mute = listen("127.0.0.1", 0)  # it takes connections, and nobody reads from them
    port = mute.getsockname()[1]
    closed = listen("127.0.0.1", 0)
    gone = closed.getsockname()[1]
    closed.close()
    text = f"web=http://127.0.0.1:{port},web=http://127.0.0.1:{gone},audit=dns://no-such-name.invalid:1"
    async with _scraper(text) as scraper:
        silent, away, nameless = (await scraper.scrape()).sources
    mute.close()
    assert silent.error == "is silent for 0.3 s"
    assert "cannot be reached" in away.error
    assert "addresses cannot be had" in nameless.error
