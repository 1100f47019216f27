"""Workloads for tests, as the API server gives them, and the installation around them."""

from typing import Any

from daytrader_operator.workload.resources import Surroundings
from daytrader_operator.workload.spec import Workload, workload

UID = "0000002a-1111-2222-3333-444444444444"

AROUND = Surroundings(
    namespace="trading",
    instance="r",
    fullname="r-daytrader",
    image="daytrader:1",
    pull_policy="IfNotPresent",
    pull_secrets=(),
    web_url="http://r-daytrader-web.trading.svc",
    tls_secret=None,
)

MADE: dict[str, Any] = {"made": {"users": 10, "commands": 1000}, "loop": {"closed": {}}}


def body(spec: dict[str, Any] | None = None, name: str = "day") -> dict[str, Any]:
    """The resource, as the API server gives it."""
    return {
        "apiVersion": "daytrader.dev/v1alpha1",
        "kind": "Workload",
        "metadata": {"name": name, "namespace": "trading", "uid": UID, "generation": 1},
        "spec": MADE if spec is None else spec,
    }


def asked(spec: dict[str, Any] | None = None) -> Workload:
    """The same, understood."""
    return workload(body(spec))
