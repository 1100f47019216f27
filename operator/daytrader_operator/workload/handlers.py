"""The workloads' task, and the events that wake it.

No handler here makes kopf put a finalizer on a Workload: deleting one never waits for the operator.
"""

import asyncio
import os
from collections.abc import Mapping
from typing import Final

import kopf
import structlog

from daytrader_operator import metrics
from daytrader_operator.kubernetes import KubernetesError
from daytrader_operator.workload.resources import Surroundings
from daytrader_operator.workload.workloads import KIND, Workloads

INTERVAL_S: Final = 2.0
"""Seconds between passes while a workload is not over."""
AT_REST_S: Final = 30.0
"""Seconds between passes while none is there, unless an event wakes the task."""

_log = structlog.get_logger(__name__)


def surroundings(environment: Mapping[str, str]) -> Surroundings:
    """Return what the operator's environment tells of the installation. Raises KeyError."""
    return Surroundings(
        namespace=environment["OPERATOR_NAMESPACE"],
        instance=environment["OPERATOR_INSTANCE"],
        fullname=environment["OPERATOR_FULLNAME"],
        image=environment["OPERATOR_IMAGE"],
        pull_policy=environment.get("OPERATOR_PULL_POLICY") or "IfNotPresent",
        pull_secrets=tuple(name for name in environment.get("OPERATOR_PULL_SECRETS", "").split(",") if name),
        web_url=environment["OPERATOR_WEB_URL"],
        tls_secret=environment.get("OPERATOR_TLS_SECRET") or None,
        tokens_secret=environment.get("OPERATOR_WORKLOAD_TOKENS_SECRET") or None,
    )


def start(memo: kopf.Memo) -> None:
    """Begin to look after workloads; `memo.kubernetes` is there."""
    metrics.failures.labels(KIND)
    memo.workloads_wake = asyncio.Event()
    workloads = Workloads(memo.kubernetes, surroundings(os.environ))
    memo.workloads_task = asyncio.create_task(keep(workloads, memo.workloads_wake))


def stop(memo: kopf.Memo) -> None:
    """Stop. Jobs run on; whoever comes next finds them."""
    memo.workloads_task.cancel()


@kopf.on.event("daytrader.dev", "v1alpha1", "workloads")
async def changed(memo: kopf.Memo, **_: object) -> None:
    """A workload has come or changed: look now."""
    memo.workloads_wake.set()


async def keep(workloads: Workloads, wake: asyncio.Event) -> None:
    """Go over all workloads again and again."""
    said = ""
    while True:
        wake.clear()
        busy = True
        try:
            busy = await workloads.go_over()
            metrics.last_pass.labels(KIND, "all").set_to_current_time()
            said = ""
        except Exception as error:  # even a defect that one workload brings out must not end the task of all
            metrics.failures.labels(KIND).inc()
            if said != str(error):
                said = str(error)
                known = isinstance(error, KubernetesError)
                _log.warning("a pass over the workloads failed", why=said, exc_info=not known)
        try:
            async with asyncio.timeout(INTERVAL_S if busy else AT_REST_S):
                await wake.wait()
        except TimeoutError:
            continue
