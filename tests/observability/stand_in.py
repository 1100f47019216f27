"""Something that answers like a Prometheus."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

Answer = dict[str, Any]


class StandIn:
    """Answers every query with the same series, but for those in `refused` (with an error) and `empty` (with none)."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[dict[str, str]] = []
        self.labels: dict[str, str] = {"le": "0.5"}
        self.values: list[tuple[float, str]] = [(0, "1"), (60, "NaN"), (120, "3.5")]
        self.empty: set[str] = set()
        self.refused: set[str] = set()

    def answer(self, form: dict[str, str]) -> Answer:
        """Return what a query gets."""
        self.asked.append(form)
        if form["query"] in self.refused:
            return {"status": "error", "errorType": "bad_data", "error": "no such function"}
        found = [] if form["query"] in self.empty else [{"metric": self.labels, "values": self.values}]
        return {"status": "success", "data": {"resultType": "matrix", "result": found}}


@contextmanager
def stand_in() -> Iterator[StandIn]:
    """Serve on a free port for as long as the context lasts."""
    own = StandIn()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            body = json.dumps(own.answer({name: texts[0] for name, texts in form.items()})).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    own.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield own
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
