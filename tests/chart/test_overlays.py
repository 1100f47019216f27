"""The overlays: the chart with their values, and nothing else but their patches."""

import copy

import pytest
import yaml

from tests.chart.rendering import CHART, OVERLAYS, Object, Rendered, overlay, render
from tests.chart.restricted import violations

NAMES = ("dev", "lab", "dev-lab")
ROLES = {
    "web": {"web"},
    "transaction": {"transaction", "quotes", "redis", "data-set"},
    "audit": {"audit", "audit-set"},
}
"""What runs on the machines with a label."""


def identified(rendered: Rendered) -> dict[tuple[str, str, str], Object]:
    """Objects by kind, namespace and name, without what helm alone marks."""
    return {
        (each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]): each
        for each in rendered.objects
        if "helm.sh/hook" not in each["metadata"].get("annotations", {})
    }


def with_debug_logs(objects: dict[tuple[str, str, str], Object]) -> dict[tuple[str, str, str], Object]:
    """What the component `debug` is to make of them."""
    changed = copy.deepcopy(objects)
    for component in ("web", "transaction", "audit"):
        (container,) = changed["Deployment", "daytrader", f"daytrader-{component}"]["spec"]["template"]["spec"][
            "containers"
        ]
        (variable,) = [each for each in container["env"] if each["name"] == "DAYTRADER_LOG_LEVEL"]
        variable["value"] = "debug"
    return changed


def by_name(each: Object) -> Object:
    """An object whose lists of variables are in no order: a patch puts what it changes first."""
    if each["kind"] != "Deployment":
        return each
    each = copy.deepcopy(each)
    for container in each["spec"]["template"]["spec"]["containers"]:
        container["env"] = sorted(container.get("env", []), key=lambda variable: str(variable["name"]))
    return each


@pytest.mark.parametrize(("name", "values"), [("dev", "dev"), ("lab", "lab"), ("dev-lab", "lab")])
def test_an_overlay_is_the_chart_with_its_values_and_its_patches(name: str, values: str) -> None:
    """A namespace comes with it; of the rest, the component `debug` changes what it says it does and nothing else."""
    chart = identified(render(yaml.safe_load((OVERLAYS / values / "values.yaml").read_text())))
    expected = chart if name == "lab" else with_debug_logs(chart)
    found = identified(overlay(name))
    namespace = found.pop(("Namespace", "", "daytrader"))
    assert namespace["metadata"]["labels"] == {"pod-security.kubernetes.io/enforce": "restricted"}
    assert found.keys() == expected.keys()
    for identity, each in expected.items():
        assert by_name(found[identity]) == by_name(each), identity


@pytest.mark.parametrize("name", NAMES)
def test_variables_come_after_those_that_they_are_made_of(name: str) -> None:
    """A patch must not move a password behind the URL with it."""
    (container,) = overlay(name).one("Deployment", "daytrader-transaction")["spec"]["template"]["spec"]["containers"]
    names = [each["name"] for each in container["env"]]
    assert names.index("REDIS_PASSWORD") < names.index("DAYTRADER_REDIS_URL")
    assert names.index("POD_IP") < names.index("DAYTRADER_OWN_URL")


@pytest.mark.parametrize("name", NAMES)
def test_every_pod_is_restricted_as_the_namespace_asks(name: str) -> None:
    """No pod of an overlay is refused in the overlay's own namespace."""
    for pod, template in overlay(name).pods():
        assert not list(violations(template["spec"])), pod


def test_the_lab_has_everything_on_its_machine() -> None:
    """Each part goes to the machines with one label; the operator goes anywhere."""
    rendered = overlay("lab")
    found: dict[str, set[str]] = {}
    placed = [*rendered.of_kind("Deployment").values(), *rendered.of_kind("MongoReplicaSet").values()]
    for each in placed:
        spec = each["spec"]["template"]["spec"] if each["kind"] == "Deployment" else each["spec"]
        component = each["metadata"]["labels"]["app.kubernetes.io/component"]
        selector = spec.get("nodeSelector", {})
        if component == "operator":
            assert not selector
            continue
        ((label, value),) = selector.items()
        assert value == "true"
        found.setdefault(label.removeprefix("daytrader.dev/"), set()).add(component)
    assert found == ROLES


def test_the_lab_is_reached_where_its_firewall_is_open() -> None:
    """Port 44410 on every machine leads to web."""
    (port,) = overlay("lab").one("Service", "daytrader-web")["spec"]["ports"]
    assert (port["port"], port["nodePort"]) == (80, 44410)


def test_in_the_lab_a_set_may_share_a_machine() -> None:
    """There is one machine for each set: nothing may forbid that its members share it."""
    for each in overlay("lab").of_kind("MongoReplicaSet").values():
        assert each["spec"]["members"] == 3
        assert "affinity" not in each["spec"]


def test_definitions_come_before_and_on_their_own() -> None:
    """One apply cannot bring a kind and an object of it, so an overlay has no definitions; the chart has them."""
    for name in NAMES:
        assert not overlay(name).of_kind("CustomResourceDefinition")
    assert {file.name for file in (CHART / "crds").iterdir()} == {"mongoreplicasets.yaml", "workloads.yaml"}
