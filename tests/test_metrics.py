"""What every service says of itself in metrics."""

import urllib.request

from daytrader import metrics
from tests.web.replica import free_port


def test_metrics_are_served_on_a_port_of_their_own() -> None:
    """Prometheus reads all metrics over HTTP, the version of the build among them."""
    port = free_port()
    metrics.show_build("1.2.3-abc")
    close = metrics.serve(port)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
        text = response.read().decode()
    close()
    assert 'daytrader_build_info{version="1.2.3-abc"} 1.0' in text


def test_no_port_serves_none() -> None:
    """Port 0 serves nothing, and ends without further ado."""
    metrics.serve(0)()
