"""Serving metrics on a port of their own, and what every service says of itself in them."""

from collections.abc import Callable

import prometheus_client

_BUILD = prometheus_client.Gauge("daytrader_build_info", "Always 1; the label tells what is running.", ["version"])


def show_build(version: str) -> None:
    """Tell which build is running."""
    _BUILD.labels(version).set(1)


def serve(port: int, host: str = "127.0.0.1") -> Callable[[], None]:
    """Serve all metrics at `port`, from a thread of their own; 0 serves none. Returns what ends it.

    Raises OSError where the port is taken.
    """
    if not port:
        return lambda: None
    server, thread = prometheus_client.start_http_server(port, host)

    def close() -> None:
        server.shutdown()
        server.server_close()
        thread.join(5)

    return close
