"""The operator's table of contents: what it watches, and what is done about it."""

import asyncio
import os
from typing import Any, Final

import kopf

from daytrader import logs
from daytrader import metrics as serving
from daytrader_operator import backups, kubernetes, metrics
from daytrader_operator.credentials import handlers as credentials
from daytrader_operator.desired import GROUP, SET_LABEL, VERSION
from daytrader_operator.keeping import STALE_S, Keeping
from daytrader_operator.mongodb import Connections
from daytrader_operator.passes import Passes
from daytrader_operator.workload import handlers as workloads

LIVENESS: Final = "http://0.0.0.0:8080/healthz"


@kopf.on.startup()
async def start(settings: kopf.OperatorSettings, memo: kopf.Memo, **_: Any) -> None:
    """Open what all handlers share."""
    # Our events tell of steps, not of handlers.
    settings.posting.enabled = False
    # What it would find out takes rights on the whole cluster: the kinds are fixed, and the namespace is given.
    settings.scanning.disabled = True
    settings.networking.connect_timeout = 5
    settings.networking.request_timeout = 30
    memo.kubernetes = kubernetes.connect(os.environ["OPERATOR_NAMESPACE"])
    memo.sets = Keeping(lambda name: Passes(memo.kubernetes, Connections(), name, _domain()))
    memo.backups = asyncio.get_running_loop().create_task(
        backups.watch_backups(memo.kubernetes, f"{os.environ['OPERATOR_FULLNAME']}-backup")
    )
    credentials.start(memo)
    workloads.start(memo)
    memo.stop_serving = serving.serve(metrics.PORT, "0.0.0.0")  # noqa: S104 - scraped from other pods


@kopf.on.cleanup()
async def stop(memo: kopf.Memo, **_: Any) -> None:
    """Close it; a step that is under way is cut, and seen again by the next operator."""
    workloads.stop(memo)
    credentials.stop(memo)
    memo.backups.cancel()
    await memo.sets.close()
    await memo.kubernetes.close()
    memo.stop_serving()


@kopf.on.event(GROUP, VERSION, "mongoreplicasets")
async def replica_set_changed(type: str | None, name: str, memo: kopf.Memo, **_: Any) -> None:  # noqa: A002
    """A replica set is there, is wanted otherwise, or is gone."""
    if type == "DELETED":
        await memo.sets.forget(name)
    else:
        memo.sets.wake(name)


@kopf.on.event("apps", "v1", "statefulsets", labels={SET_LABEL: kopf.PRESENT})
@kopf.on.event("", "v1", "pods", labels={SET_LABEL: kopf.PRESENT})
async def part_changed(labels: kopf.Labels, memo: kopf.Memo, **_: Any) -> None:
    """Something happened to a part of a replica set."""
    memo.sets.wake_kept(labels[SET_LABEL])


@kopf.on.probe(id="sets")
async def passes_are_made(memo: kopf.Memo, **_: Any) -> dict[str, float]:
    """Liveness: every replica set had a good pass lately."""
    ages: dict[str, float] = memo.sets.ages()
    stale = {name: round(age) for name, age in ages.items() if age > STALE_S}
    if stale:
        raise kopf.PermanentError(f"seconds since the last good pass: {stale}")
    return {name: round(age, 1) for name, age in ages.items()}


def _domain() -> str:
    return os.environ.get("OPERATOR_CLUSTER_DOMAIN", "cluster.local")


def main() -> None:
    """Run the operator in its namespace until it is told to stop."""
    namespace = os.environ["OPERATOR_NAMESPACE"]
    logs.configure("info", "operator", os.environ.get("HOSTNAME", "operator"))
    kopf.run(standalone=True, namespaces=[namespace], liveness_endpoint=LIVENESS)
