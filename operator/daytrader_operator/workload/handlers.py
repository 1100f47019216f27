"""The workloads' task, and the events that wake it.

No handler here makes kopf put a finalizer on a Workload: deleting one never waits for the operator.
"""

import asyncio
import logging
import os
from collections.abc import Mapping
from typing import Final

import kopf

from daytrader_operator import metrics
from daytrader_operator.kubernetes import KubernetesError
from daytrader_operator.workload.resources import Surroundings
from daytrader_operator.workload.workloads import KIND, Workloads

INTERVAL_S: Final = 2.0
"""Seconds between passes while a workload is not over."""
AT_REST_S: Final = 30.0
"""Seconds between passes while none is there, unless an event wakes the task."""

_log = logging.getLogger(__name__)


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
    )


@kopf.on.startup(id="workloads")
async def start(memo: kopf.Memo, **_: object) -> None:
    """Begin to look after workloads."""
    if "kubernetes" not in memo:
        raise kopf.TemporaryError("the API server is not connected to yet", delay=0.1)
    memo.workloads_wake = asyncio.Event()
    workloads = Workloads(memo.kubernetes, surroundings(os.environ))
    memo.workloads_task = asyncio.create_task(keep(workloads, memo.workloads_wake))


@kopf.on.cleanup(id="workloads")
async def stop(memo: kopf.Memo, **_: object) -> None:
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
            said = ""
        except KubernetesError as error:
            metrics.failures.labels(KIND).inc()
            if said != str(error):
                said = str(error)
                _log.warning("%s", error)
        except Exception:  # a defect that one workload brings out must not end the task of all
            metrics.failures.labels(KIND).inc()
            _log.exception("a pass over the workloads failed")
        try:
            async with asyncio.timeout(INTERVAL_S if busy else AT_REST_S):
                await wake.wait()
        except TimeoutError:
            continue
