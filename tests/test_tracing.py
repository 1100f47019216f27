"""Traces: from hop to hop, and out to a collector."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from daytrader.tracing import Tracing, tracing_of

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """An OTLP collector that keeps what it gets: its address, and the bodies."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/traces", bodies
    server.shutdown()
    thread.join(5)
    server.server_close()


def test_a_trace_goes_on_from_hop_to_hop(collector: tuple[str, list[bytes]]) -> None:
    """What the next hop is told belongs to the trace of the one before, and the spans reach the collector."""
    url, bodies = collector
    tracing = Tracing(url, "web", "web-0")
    span = tracing.start("command BUY", PARENT, {"daytrader.request": "w:1"})
    passed_on = tracing.traceparent(span)
    span.end()
    tracing.close()
    assert passed_on.split("-")[1] == PARENT.split("-")[1]
    assert passed_on.split("-")[2] != PARENT.split("-")[2]
    assert any(b"command BUY" in body and b"daytrader-web" in body for body in bodies)


def test_a_malformed_parent_starts_a_trace_of_its_own(collector: tuple[str, list[bytes]]) -> None:
    """A header that is no traceparent harms nobody."""
    tracing = Tracing(collector[0], "web", "web-0")
    span = tracing.start("command BUY", "rubbish", {})
    assert len(tracing.traceparent(span).split("-")) == 4
    span.end()
    tracing.close()


def test_without_an_endpoint_there_is_no_tracing() -> None:
    """The setting is empty by default, and then nothing is made."""
    assert tracing_of("", "web", "web-0") is None
