"""What the chart and the overlays render to, in the eyes of the real API server."""

import sys
from collections.abc import Mapping, Sequence
from typing import Final

import yaml

from tests.chart.rendering import OVERLAYS, PROFILES, overlay, render
from tests.chart.schemas import complaints
from tests.cluster.case import case
from tests.cluster.helm import Values, apply_definitions
from tests.cluster.installation import Installation
from tests.cluster.kubectl import Object
from tests.cluster.settings import CHART
from tests.cluster.shell import attempt, require, run
from tests.cluster.world import World

UNKNOWN: Final[Mapping[str, Values]] = {
    "'/web'": {"web": {"replicaCount": 2}},
    "'/tls/redis'": {"tls": {"redis": {"secret": "redis-tls"}}},
    "''": {"autoscaler": {}},
}
"""Values that are not there, by the path under which each is refused."""

SCHEMAS: Final = "1.34"


@case("templates", minutes=10)
def _(world: World) -> None:
    """Lint, schemas and API server take every profile and overlay; unknown values are refused with their path."""
    installation = world.another("templates")
    apply_definitions()
    installation.make_namespace()
    try:
        objects, foreign = 0, set[str]()
        for name, values in PROFILES.items():
            run("helm", "lint", "--strict", CHART, "--values", "-", stdin=yaml.safe_dump(values))
            rendered = render(values).objects
            objects += len(rendered)
            foreign |= _accepted(installation, f"profile {name}", rendered)
        overlays = sorted(path.name for path in OVERLAYS.iterdir() if path.is_dir())
        for name in overlays:
            applied = overlay(name).objects
            objects += len(applied)
            foreign |= _accepted(installation, f"overlay {name}", applied)
    finally:
        installation.kubectl.delete("namespace", installation.namespace)
    world.figure("profiles", len(PROFILES))
    world.figure("overlays", ", ".join(overlays))
    world.figure("objects", objects)
    world.figure("kinds that this cluster does not know", ", ".join(sorted(foreign)) or "none")
    for path, given in UNKNOWN.items():
        said = installation.helm.refusal(given)
        require(said, f"{given} is not refused")
        require(f"at {path}" in said, f"{given} is refused without its path {path}: {said}")
    world.figure("unknown values refused with their path", len(UNKNOWN))
    said = run(sys.executable, "-m", "pytest", "-q", "--no-header", "tests/chart/test_overlays.py", seconds=120)
    world.figure("overlays are the chart but for their patches", said.strip().splitlines()[-1])


def _accepted(installation: Installation, what: str, rendered: Sequence[Object]) -> set[str]:
    """Have schemas and the API server check objects; return the kinds that are no part of this cluster's API."""
    wrong = [
        f"{each['kind']} {each['metadata']['name']}: {complaint}"
        for each in rendered
        for complaint in complaints(each, SCHEMAS)
    ]
    require(not wrong, f"{what} is not of the schemas of Kubernetes {SCHEMAS}: {'; '.join(wrong)}")
    served = set(installation.kubectl("api-versions").split())
    foreign = {f"{each['apiVersion']} {each['kind']}" for each in rendered if each["apiVersion"] not in served}
    known = [
        _moved(each, installation.namespace)
        for each in rendered
        if each["apiVersion"] in served and each["kind"] != "Namespace" and not _is_anothers(installation, each)
    ]
    # A pod is admitted only where its account is there already, so accounts are made, and all else is only tried.
    accounts = [each for each in known if each["kind"] == "ServiceAccount"]
    installation.kubectl("apply", "--filename=-", stdin=yaml.safe_dump_all(accounts))
    text = yaml.safe_dump_all(known)
    options = ("--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "--field-manager=e2e")
    status, _, error = attempt("kubectl", "apply", *options, "--filename=-", stdin=text, seconds=120)
    require(status == 0, f"{what} is not accepted: {error[-1500:]}")
    return foreign


def _is_anothers(installation: Installation, each: Object) -> bool:
    """Whether it is an API that an adapter of this cluster serves already: merged with that it would be nobody's."""
    return each["kind"] == "APIService" and installation.kubectl.exists("apiservice", each["metadata"]["name"])


def _moved(each: Object, namespace: str) -> Object:
    """Return an object in another namespace; those outside of the release's stay where they are."""
    metadata = each["metadata"]
    if metadata.get("namespace") in (None, "kube-system"):
        return each
    return {**each, "metadata": {**metadata, "namespace": namespace}}
