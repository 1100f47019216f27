"""Runs Workloads: one step a pass for each of them, on what the API server says now and on nothing remembered."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import structlog
from lightkube.generic_resource import create_namespaced_resource
from lightkube.resources.batch_v1 import Job
from lightkube.resources.core_v1 import ConfigMap, Pod

from daytrader_operator import metrics
from daytrader_operator.kubernetes import Kubernetes, KubernetesError, reference
from daytrader_operator.workload import status as stand
from daytrader_operator.workload.observed import Standing, rfc3339, standing
from daytrader_operator.workload.plan import CreateJob, Observed, Step, plan
from daytrader_operator.workload.resources import Surroundings, job, job_name
from daytrader_operator.workload.spec import FileIn, SpecError, Workload, workload

KIND: Final = "Workload"

Resource = create_namespaced_resource("daytrader.dev", "v1alpha1", KIND, "workloads")

_log = structlog.get_logger(__name__)


class Workloads:
    """All Workloads of the operator's namespace."""

    def __init__(
        self, kubernetes: Kubernetes, around: Surroundings, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._kubernetes = kubernetes
        self._around = around
        self._now = now
        self._said: dict[str, str] = {}

    async def go_over(self) -> bool:
        """Take a step for each Workload that is not over; return whether there is any. Raises KubernetesError."""
        resources = [dict(resource) for resource in await self._kubernetes.list(Resource, {})]
        left = [resource for resource in resources if not _over(resource)]
        for resource in left:
            name = str(resource["metadata"]["name"])
            try:
                await self._step(workload(resource), resource)
                self._said.pop(name, None)
            except (KubernetesError, SpecError) as error:
                metrics.failures.labels(KIND).inc()
                if self._said.get(name) != str(error):
                    self._said[name] = str(error)
                    _log.warning("a pass over a workload failed", workload=name, why=str(error))
                    await self._kubernetes.event(reference(resource), "Trouble", str(error), warning=True)
        return bool(left)

    async def _step(self, asked: Workload, resource: Mapping[str, Any]) -> None:
        observed = await self._observe(asked, resource)
        step = plan(asked, observed, rfc3339(self._now()))
        if step is not None:
            await self._carry_out(step, asked, observed, resource)

    async def _observe(self, asked: Workload, resource: Mapping[str, Any]) -> Observed:
        found = await self._kubernetes.get(Job, job_name(asked.name))
        how: Standing | None = None
        missing = ""
        if found is not None:
            pods = await self._kubernetes.list(Pod, {"batch.kubernetes.io/job-name": job_name(asked.name)})
            how = standing(found, pods)
        elif asked.spec.config_map is not None:
            missing = await self._missing(asked.spec.config_map)
        return Observed(status=stand.read(resource.get("status")), standing=how, file_missing=missing)

    async def _missing(self, file: FileIn) -> str:
        there = await self._kubernetes.get(ConfigMap, file.name)
        if there is None:
            return f"there is no ConfigMap {file.name}: create it, and the workload starts"
        keys = {**(there.data or {}), **(there.binaryData or {})}
        return "" if file.key in keys else f"ConfigMap {file.name} has no key {file.key}: it has {sorted(keys)}"

    async def _carry_out(self, step: Step, asked: Workload, observed: Observed, resource: Mapping[str, Any]) -> None:
        if isinstance(step, CreateJob):
            await self._kubernetes.create(msgspec.convert(job(asked, self._around), Job))
            metrics.steps.labels(KIND, "create Job").inc()
            _log.info("made the Job of a workload", workload=asked.name)
            return
        status = step.status
        await self._kubernetes.apply_status(Resource, asked.name, stand.as_json(status))
        metrics.steps.labels(KIND, "report").inc()
        if observed.status is None or observed.status.phase != status.phase:
            _log.info("a workload has come on", workload=asked.name, phase=status.phase, message=status.message)
            failed = status.phase == "Failed"
            await self._kubernetes.event(reference(resource), status.phase, status.message, warning=failed)


def _over(resource: Mapping[str, Any]) -> bool:
    # Whatever else its status holds, written by another version perhaps: what is over is never run again.
    phase = (resource.get("status") or {}).get("phase")
    return phase in {"Succeeded", "Failed"} or bool(resource["metadata"].get("deletionTimestamp"))
