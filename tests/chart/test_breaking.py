"""What operations.breaking adds to the chart, and that there is nothing of it without."""

import copy
from typing import Any

from tests.chart.rendering import Object, Rendered, overlay, render
from tests.chart.test_network import connecting, drawn
from tests.chart.test_rights import BREAKING, RIGHTS, account_of, allowed

ON = {"operations": {"breaking": True}}
ADDED = {
    ("ServiceAccount", "daytrader-web"),
    ("Role", "daytrader-web"),
    ("RoleBinding", "daytrader-web"),
    ("ConfigMap", "daytrader-breaking"),
}
API_SERVER = {
    "to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}],
    "ports": [{"protocol": "TCP", "port": 443}, {"protocol": "TCP", "port": 6443}],
}


def identified(rendered: Rendered) -> dict[tuple[str, str], Object]:
    """Objects by kind and name."""
    return {(each["kind"], each["metadata"]["name"]): copy.deepcopy(each) for each in rendered.objects}


def without(values: list[Any], *taken: Any) -> list[Any]:
    """The list without these elements, each of which is in it once."""
    assert all(values.count(each) == 1 for each in taken), (values, taken)
    return [each for each in values if each not in taken]


def test_it_adds_exactly_this(small: Rendered) -> None:
    """Four objects, a token and two variables for web, its way to the API server, and the mock's mood; nothing else."""
    off, on = identified(small), identified(render(ON))
    assert on.keys() - off.keys() == ADDED
    assert not off.keys() - on.keys()
    web = on["Deployment", "daytrader-web"]["spec"]["template"]["spec"]
    assert (web["serviceAccountName"], web["automountServiceAccountToken"]) == ("daytrader-web", True)
    web |= {"serviceAccountName": "daytrader", "automountServiceAccountToken": False}
    web["containers"][0]["env"] = without(
        web["containers"][0]["env"],
        {"name": "DAYTRADER_BREAKING_INSTANCE", "value": "daytrader"},
        {"name": "DAYTRADER_BREAKING_RECORD", "value": "daytrader-breaking"},
    )
    policy = on["NetworkPolicy", "daytrader-web"]["spec"]
    policy["egress"] = without(policy["egress"], API_SERVER)
    mock = on["Deployment", "daytrader-quotes"]["spec"]["template"]["spec"]
    container = mock["containers"][0]
    container["args"] = without(container["args"], "--mood-file=/etc/daytrader/breaking/mood")
    container["volumeMounts"] = without(
        container["volumeMounts"], {"name": "breaking", "mountPath": "/etc/daytrader/breaking", "readOnly": True}
    )
    items = [{"key": "mood", "path": "mood"}]
    source = {"name": "daytrader-breaking", "optional": True, "items": items}
    mock["volumes"] = without(mock["volumes"], {"name": "breaking", "configMap": source})
    assert {identity: each for identity, each in on.items() if identity not in ADDED} == off


def test_web_alone_may_do_it() -> None:
    """Web has an account of its own for it, and may write one ConfigMap; the other services may do nothing, as ever."""
    rendered = render(ON)
    accounts = rendered.of_kind("ServiceAccount")
    assert {each: allowed(rendered, each) for each in accounts} == RIGHTS | {"daytrader-web": BREAKING}
    rules = rendered.one("Role", "daytrader-web")["rules"]
    assert [rule.get("resourceNames") for rule in rules] == [None, None, ["daytrader-breaking"]]
    tokens = {name: pod["spec"]["automountServiceAccountToken"] for name, pod in rendered.pods()}
    assert {name for name, mounted in tokens.items() if mounted} == {
        "Deployment daytrader-operator",
        "Deployment daytrader-web",
    }
    assert [name for name, pod in rendered.pods() if account_of(pod) == "daytrader-web"] == ["Deployment daytrader-web"]


def test_no_other_pods_connect() -> None:
    """The API server is no pod; nobody needs to reach the mock's mood, which is a mounted file."""
    assert set(connecting(render(ON))) == drawn()


def test_its_ways_are_those_of_the_operator() -> None:
    """Where the API server is, is said once for both."""
    there = {"networkPolicy": {"apiServer": {"cidrs": ["10.0.0.1/32"], "ports": [6443]}}}
    rendered = render(ON | there)
    expected = {"to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}], "ports": [{"protocol": "TCP", "port": 6443}]}
    for component in ("web", "operator"):
        assert expected in rendered.one("NetworkPolicy", f"daytrader-{component}")["spec"]["egress"]


def test_an_upgrade_leaves_what_web_has_noted() -> None:
    """The chart says nothing of the ConfigMap's data, so that it owns none of it."""
    assert "data" not in render(ON).one("ConfigMap", "daytrader-breaking")


def test_another_name_is_followed() -> None:
    """Labels have the release's name, objects the full one."""
    rendered = render(ON, "other")
    (container,) = rendered.one("Deployment", "other-daytrader-web")["spec"]["template"]["spec"]["containers"]
    told = {each["name"]: each.get("value") for each in container["env"]}
    assert told["DAYTRADER_BREAKING_INSTANCE"] == "other"
    assert told["DAYTRADER_BREAKING_RECORD"] == "other-daytrader-breaking"
    assert rendered.one("ConfigMap", "other-daytrader-breaking")


def test_it_is_on_in_development_alone() -> None:
    """The overlay of a laptop has it, those of the lab do not."""
    found = {name: bool(ADDED & set(identified(overlay(name)))) for name in ("dev", "lab", "dev-lab")}
    assert found == {"dev": True, "lab": False, "dev-lab": False}
