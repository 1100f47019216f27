"""The credentials' task: it runs as long as the operator does, and needs no event to wake it."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from typing import Final

import kopf

from daytrader_operator import metrics
from daytrader_operator.credentials.credentials import KIND, Credentials, Names
from daytrader_operator.credentials.redis_certificate import RedisTlsError
from daytrader_operator.kubernetes import KubernetesError

INTERVAL_S: Final = 5.0

_log = logging.getLogger(__name__)


@kopf.on.startup(id="credentials")
async def start(memo: kopf.Memo, **_: object) -> None:
    """Begin to keep the credentials."""
    if "kubernetes" not in memo:
        raise kopf.TemporaryError("the API server is not connected to yet", delay=0.1)
    names = Names.of(os.environ)
    memo.credentials_task = asyncio.create_task(keep(Credentials(memo.kubernetes, names), names.fullname))


@kopf.on.cleanup(id="credentials")
async def stop(memo: kopf.Memo, **_: object) -> None:
    """Stop."""
    memo.credentials_task.cancel()


async def keep(credentials: Credentials, name: str) -> None:
    """Go over everything again and again; what fails is said once until it fails otherwise, and tried again."""
    steps: dict[str, Callable[[], Awaitable[None]]] = {
        "secrets": credentials.keep_secrets,
        "redis certificate": credentials.keep_redis_certificate,
        "backup": credentials.look_at_backups,
    }
    said: dict[str, str] = {}
    while True:
        good = True
        for what, step in steps.items():
            try:
                await step()
                said.pop(what, None)
            except (KubernetesError, RedisTlsError) as error:
                good = False
                metrics.failures.labels(KIND).inc()
                if said.get(what) != str(error):
                    said[what] = str(error)
                    _log.warning("%s", error)
            except Exception:  # a defect in one step must not end the task, or nobody would rotate any more
                good = False
                metrics.failures.labels(KIND).inc()
                _log.exception("%s", what)
        if good:
            metrics.last_pass.labels(KIND, name).set_to_current_time()
        await asyncio.sleep(INTERVAL_S)
