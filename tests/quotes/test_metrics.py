"""The counters of quotes."""

import pytest
from prometheus_client import REGISTRY

from daytrader.quotes import metrics


@pytest.mark.parametrize("result", metrics.RESULTS)
def test_every_result_is_counted_from_the_start(result: str) -> None:
    """A rate over a counter needs its 0: no label appears only with its first event."""
    assert REGISTRY.get_sample_value("daytrader_quote_requests_total", {"result": result}) is not None


@pytest.mark.parametrize("reason", metrics.FAILURES)
def test_every_failure_is_counted_from_the_start(reason: str) -> None:
    """The same for the reasons for which the quote server gives no quote."""
    assert REGISTRY.get_sample_value("daytrader_quote_server_failures_total", {"reason": reason}) is not None
