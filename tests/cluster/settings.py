"""Settings of the suite, from environment variables `E2E_<NAME>`."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
"""The project's directory."""

CHART: Final = ROOT / "charts" / "daytrader"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the suite has to be told about a cluster. `KUBECONFIG` says which one it is."""

    namespace: str = "daytrader-e2e"
    """Namespaces of this name, and of this name with an ending, are made and removed."""
    release: str = "daytrader"
    image: str = "daytrader:dev"
    """The image under test: REPOSITORY:TAG, to be had by every node."""
    image_2: str = ""
    """A second build of it, for `image-swapped` and the like."""
    mongo_image: str = ""
    """Another image of MongoDB than the chart's."""
    redis_image: str = ""
    """Another image of Redis than the chart's."""
    values: str = ""
    """A values file for every installation, for what else the cluster needs."""
    url: str = ""
    """Where web is reached from here; empty: by the Ingress, else by the NodePort on a node's address."""
    kill: str = ""
    """A command that kills a container's first process with SIGKILL, with {node}, {namespace}, {pod} and {container_id}
    in it; empty: the pod is deleted by force, which does the same and makes a new pod besides."""
    stop_node: str = ""
    """A command that cuts {node} off or stops it."""
    start_node: str = ""
    """A command that brings {node} back."""
    prometheus: str = "monitoring/prometheus"
    """NAMESPACE/DEPLOYMENT of the Prometheus behind the custom metrics API; it listens at 9090."""
    adapter_rules: str = ""
    """NAMESPACE/CONFIGMAP/KEY that takes the chart's prometheus-adapter rules, where the cluster's adapter is not
    one that the chart installs."""
    promtool: str = "promtool"
    """The promtool program."""
    kustomize: str = "kustomize"
    """The kustomize program, 5.8.1 or newer."""


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings that the environment gives.

    Raises:
        ValueError: a variable E2E_… is none that we know.
    """
    known = {field.name for field in fields(Settings)}
    given = {name[4:].lower(): text for name, text in environ.items() if name.startswith("E2E_")}
    foreign = sorted(given.keys() - known)
    if foreign:
        raise ValueError(f"unknown setting E2E_{foreign[0].upper()}: see tests/cluster/settings.py for those there are")
    return Settings(**given)
