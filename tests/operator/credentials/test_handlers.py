"""The task that keeps the credentials."""

import asyncio

import pytest
from structlog.testing import capture_logs

from daytrader_operator.credentials import handlers
from daytrader_operator.credentials.credentials import Credentials, Names
from daytrader_operator.credentials.handlers import keep
from daytrader_operator.credentials.redis_certificate import RedisTlsError
from tests.operator.credentials.made import TLS, Certificate, data, installation


async def test_one_part_that_fails_does_not_hold_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said once as long as it fails in the same way, and tried again."""
    monkeypatch.setattr(handlers, "INTERVAL_S", 0.001)
    api = installation()
    api.put("Secret", "redis-tls", data=data(tls_crt="CERT", ca_crt="CA"))
    redis = Certificate(*(RedisTlsError("no"),) * 5, RedisTlsError("other"), *(False,) * 10_000)
    with capture_logs() as said:
        task = asyncio.create_task(keep(Credentials(api, Names.of(TLS), redis), "r-daytrader"))
        try:
            async with asyncio.timeout(10):
                while len(redis.asked) < 10:  # noqa: ASYNC110  the task under test tells nobody when a pass is over
                    await asyncio.sleep(0.001)
        finally:
            task.cancel()
    assert ("Secret", "r-daytrader-internal") in api.objects
    assert [line["why"] for line in said if line["log_level"] == "warning"] == ["no", "other"]
