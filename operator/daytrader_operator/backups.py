"""When the last good backup was: read off the CronJob that makes them, for an alert that tells when it is too old."""

import asyncio
from typing import Final

import structlog
from lightkube.resources.batch_v1 import CronJob

from daytrader_operator import metrics
from daytrader_operator.kubernetes import Kubernetes, KubernetesError

EVERY_S: Final = 30.0

_log = structlog.get_logger(__name__)


async def watch_backups(kubernetes: Kubernetes, cron_job: str) -> None:
    """Keep the metric up to date, for ever."""
    told = ""
    while True:
        try:
            await look(kubernetes, cron_job)
            told = ""
        except KubernetesError as error:
            if str(error) != told:
                told = str(error)
                _log.warning("it is not known when the last backup was", why=told)
        await asyncio.sleep(EVERY_S)


async def look(kubernetes: Kubernetes, cron_job: str) -> None:
    """Set the metric once; 0 where there is no such CronJob, or it never succeeded. Raises KubernetesError."""
    found = await kubernetes.get(CronJob, cron_job)
    last = found.status.lastSuccessfulTime if found and found.status else None
    metrics.last_backup.set(last.timestamp() if last else 0)
