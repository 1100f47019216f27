"""The moment of the last good backup."""

from typing import Any

from prometheus_client import REGISTRY

from daytrader_operator.backups import look
from tests.operator.stand_in import StandIn

SPEC: dict[str, Any] = {"schedule": "@daily", "jobTemplate": {}}


def last() -> float | None:
    return REGISTRY.get_sample_value("daytrader_backup_last_success_timestamp_seconds")


async def test_it_is_read_off_the_cron_job() -> None:
    """0 where there is no CronJob or no success; else the time, in seconds since 1970."""
    there = StandIn()
    await look(there, "dt-backup")
    assert last() == 0
    there.put("CronJob", "dt-backup", spec=SPEC, status={})
    await look(there, "dt-backup")
    assert last() == 0
    there.put("CronJob", "dt-backup", spec=SPEC, status={"lastSuccessfulTime": "1970-01-01T01:00:00Z"})
    await look(there, "dt-backup")
    assert last() == 3600
