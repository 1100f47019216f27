"""What every object of the chart is like, under every profile."""

import pytest

from tests.chart.rendering import NAMESPACE, RELEASE, Object, Rendered, render
from tests.chart.schemas import VERSIONS, complaints

SELECTING = {"app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component"}
CLUSTER_WIDE = {"ClusterRole", "ClusterRoleBinding", "APIService"}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_what_its_schema_asks_for(rendered: Rendered, version: str) -> None:
    """No field is unknown, of a wrong type, or missing."""
    wrong = {f"{each['kind']} {each['metadata']['name']}": complaints(each, version) for each in rendered.objects}
    assert not {name: found for name, found in wrong.items() if found}


def test_every_object_has_the_recommended_labels(rendered: Rendered) -> None:
    """What is whose can be asked for by labels."""
    for each in rendered.objects:
        labels = each["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == labels["app.kubernetes.io/part-of"] == "daytrader"
        assert labels["app.kubernetes.io/instance"] == RELEASE
        assert {"app.kubernetes.io/component", "app.kubernetes.io/version", "app.kubernetes.io/managed-by"} <= set(
            labels
        )


def test_every_object_names_its_namespace(rendered: Rendered) -> None:
    """So kubectl and kustomize put it where helm does."""
    for each in rendered.objects:
        if each["kind"] not in CLUSTER_WIDE:
            assert each["metadata"]["namespace"] in {NAMESPACE, "kube-system"}, each["metadata"]["name"]


def test_no_two_objects_have_one_name(rendered: Rendered) -> None:
    """Kind, namespace and name are given once."""
    names = [(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in rendered.objects]
    assert len(names) == len(set(names))


def test_the_chart_makes_no_secret(rendered: Rendered) -> None:
    """The operator makes them; a chart that did would make others at every upgrade."""
    assert not rendered.of_kind("Secret")


def test_selectors_never_change(rendered: Rendered) -> None:
    """They are name, instance and component and nothing else: no version and no value is in them."""
    for kind in ("Deployment", "PodDisruptionBudget"):
        for each in rendered.of_kind(kind).values():
            assert set(each["spec"]["selector"]["matchLabels"]) == SELECTING
    for each in rendered.of_kind("Service").values():
        assert set(each["spec"]["selector"]) == SELECTING


def test_selectors_find_the_pods(rendered: Rendered) -> None:
    """What a Service, a Deployment or a disruption budget selects are the pods of one Deployment."""
    templates = [each["spec"]["template"]["metadata"]["labels"] for each in rendered.of_kind("Deployment").values()]
    selectors = [
        *(each["spec"]["selector"] for each in rendered.of_kind("Service").values()),
        *(each["spec"]["selector"]["matchLabels"] for each in rendered.of_kind("Deployment").values()),
        *(each["spec"]["selector"]["matchLabels"] for each in rendered.of_kind("PodDisruptionBudget").values()),
    ]
    for selector in selectors:
        assert len([labels for labels in templates if selector.items() <= labels.items()]) == 1, selector


def test_services_lead_to_ports_that_there_are(rendered: Rendered) -> None:
    """Every target port is one of the container's."""
    for name, service in rendered.of_kind("Service").items():
        component = service["spec"]["selector"]["app.kubernetes.io/component"]
        pod = rendered.one("Deployment", f"{RELEASE}-{component}")["spec"]["template"]["spec"]
        ports = {port["name"] for container in pod["containers"] for port in container["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports, name


def test_replicas_find_one_another_before_they_are_ready(small: Rendered) -> None:
    """The headless Services list every replica: each is asked by those who need to know."""
    for name in ("daytrader-transaction", "daytrader-web-pods", "daytrader-audit-pods", "daytrader-operator"):
        spec = small.one("Service", name)["spec"]
        assert (spec["clusterIP"], spec["publishNotReadyAddresses"]) == ("None", True)


@pytest.mark.parametrize(
    ("release", "fullname"), [("daytrader", "daytrader"), ("my-daytrader", "my-daytrader"), ("q", "q-daytrader")]
)
def test_names_begin_with_the_release(release: str, fullname: str) -> None:
    """Two releases can share a namespace; a name that says what it is is not said twice."""
    for each in render({}, release).objects:
        assert each["metadata"]["name"].startswith(fullname)


def test_the_lab_and_a_laptop_take_what_they_need(small: Rendered) -> None:
    """A NodePort, an Ingress for named hosts or for every one, and a route are values away."""
    lab = render({"web": {"service": {"type": "NodePort", "nodePort": 44410}}}).one("Service", "daytrader-web")["spec"]
    assert (lab["type"], lab["ports"][0]["nodePort"]) == ("NodePort", 44410)
    assert "nodePort" not in small.one("Service", "daytrader-web")["spec"]["ports"][0]
    ingress = render({"ingress": {"enabled": True, "hosts": ["a", "b"], "tls": {"secretName": "edge"}}})
    spec = ingress.one("Ingress", "daytrader-web")["spec"]
    assert [rule["host"] for rule in spec["rules"]] == ["a", "b"]
    assert spec["tls"] == [{"secretName": "edge", "hosts": ["a", "b"]}]
    (rule,) = render({"ingress": {"enabled": True}}).one("Ingress", "daytrader-web")["spec"]["rules"]
    assert "host" not in rule


def test_sets_are_spread_as_the_values_say() -> None:
    """Members prefer machines of their own, insist on them, or do not care, as they must not where there is one."""

    def affinity(spread: str) -> Object | None:
        spec = render({"dataSet": {"spread": spread}}).one("MongoReplicaSet", "daytrader-data-set")["spec"]
        found = spec.get("affinity")
        assert found is None or set(found) == {"podAntiAffinity"}
        return None if found is None else dict(found["podAntiAffinity"])

    assert set(affinity("preferred") or {}) == {"preferredDuringSchedulingIgnoredDuringExecution"}
    assert set(affinity("required") or {}) == {"requiredDuringSchedulingIgnoredDuringExecution"}
    assert affinity("none") is None
