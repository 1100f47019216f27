"""Asking a Prometheus for samples."""

import pytest

from tests.observability.samples import PrometheusError, Range, ask
from tests.observability.stand_in import StandIn
from tests.web.replica import free_port

OVER = Range(0, 120, 60)


def test_samples_that_are_no_numbers_are_left_out(prometheus: StandIn) -> None:
    """A percentile of nothing is NaN, and no sample."""
    (series,) = ask(prometheus.url, "up", OVER)
    assert (series.labels, series.times, series.values) == ({"le": "0.5"}, [0, 120], [1, 3.5])
    assert prometheus.asked == [{"query": "up", "start": "0", "end": "120", "step": "60"}]


def test_a_series_without_numbers_is_none(prometheus: StandIn) -> None:
    """A series in which nothing is a number was not found."""
    prometheus.values = [(0, "NaN")]
    assert ask(prometheus.url, "up", OVER) == []


def test_a_query_that_is_refused(prometheus: StandIn) -> None:
    """The error tells the query, and what Prometheus says of it."""
    prometheus.refused.add("nonsense(up)")
    with pytest.raises(PrometheusError, match=r"refuses 'nonsense\(up\)': no such function"):
        ask(prometheus.url, "nonsense(up)", OVER)


def test_nobody_there() -> None:
    """The error tells the address at which nobody answers."""
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(PrometheusError, match=url):
        ask(url, "up", OVER)
