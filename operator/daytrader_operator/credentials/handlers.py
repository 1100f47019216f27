"""The credentials' task: it runs as long as the operator does, and needs no event to wake it."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Final

import kopf
import structlog

from daytrader_operator import metrics
from daytrader_operator.credentials.credentials import KIND, Credentials, Names
from daytrader_operator.credentials.redis_certificate import RedisTlsError
from daytrader_operator.kubernetes import KubernetesError

INTERVAL_S: Final = 5.0

_log = structlog.get_logger(__name__)


def start(memo: kopf.Memo) -> None:
    """Begin to keep the credentials; `memo.kubernetes` is there."""
    metrics.failures.labels(KIND)
    names = Names.of(os.environ)
    memo.credentials_task = asyncio.create_task(keep(Credentials(memo.kubernetes, names), names.fullname))


def stop(memo: kopf.Memo) -> None:
    """Stop; a rotation that is under way goes on under the next operator."""
    memo.credentials_task.cancel()


async def keep(credentials: Credentials, name: str) -> None:
    """Go over everything again and again; what fails is said once until it fails otherwise, and tried again."""
    steps: dict[str, Callable[[], Awaitable[None]]] = {
        "Secrets": credentials.keep_secrets,
        "Redis' certificate": credentials.keep_redis_certificate,
    }
    said: dict[str, str] = {}
    while True:
        good = True
        for what, step in steps.items():
            try:
                await step()
                said.pop(what, None)
            except Exception as error:  # even a defect must not end the task, or nobody would rotate any more
                good = False
                metrics.failures.labels(KIND).inc()
                if said.get(what) != str(error):
                    said[what] = str(error)
                    known = isinstance(error, (KubernetesError, RedisTlsError))
                    _log.warning("a pass over the credentials failed", part=what, why=str(error), exc_info=not known)
        if good:
            metrics.last_pass.labels(KIND, name).set_to_current_time()
        await asyncio.sleep(INTERVAL_S)
