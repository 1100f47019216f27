"""Who connects to whom, worked out of the rendered policies as a network plugin would."""

import re
from collections.abc import Iterator, Mapping

import pytest

from tests.chart.programs import ROOT
from tests.chart.rendering import NAMESPACE, PROFILES, RELEASE, Object, Rendered, render

Labels = Mapping[str, str]
Arrow = tuple[str, str, int]

COMPONENTS = (
    *("web", "transaction", "audit", "quotes", "redis", "operator", "data-set", "audit-set"),
    *("workload", "test", "backup"),
    *("prometheus", "adapter", "grafana"),
)
PORTS = (53, 80, 443, 3000, 4444, 6379, 6443, 8080, 9090, 9100, 27017)
FOREIGN = "anybody"
"""A pod in another namespace."""


def labels(component: str) -> Labels:
    """The labels that select a pod."""
    if component == FOREIGN:
        return {}
    return {
        "app.kubernetes.io/name": "daytrader",
        "app.kubernetes.io/instance": RELEASE,
        "app.kubernetes.io/component": component,
    }


def matches(selector: Object, of: Labels) -> bool:
    """Whether a label selector selects."""
    assert set(selector) <= {"matchLabels", "matchExpressions"}, selector
    expressions = selector.get("matchExpressions", [])
    assert all(each["operator"] == "In" for each in expressions), selector
    return all(of.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        of.get(each["key"]) in each["values"] for each in expressions
    )


def is_peer(peer: Object, component: str) -> bool:
    """Whether a pod is what a rule names. Networks are not asked about here."""
    if "ipBlock" in peer:
        return False
    namespace = "elsewhere" if component == FOREIGN else NAMESPACE
    if "namespaceSelector" in peer:
        return matches(peer["namespaceSelector"], {"kubernetes.io/metadata.name": namespace}) and matches(
            peer.get("podSelector", {}), labels(component)
        )
    return namespace == NAMESPACE and matches(peer["podSelector"], labels(component))


def lets(rules: list[Object], side: str, component: str, port: int) -> bool:
    """Whether one of the rules lets TCP to or from the component through."""
    return any(
        (side not in rule or any(is_peer(peer, component) for peer in rule[side]))
        and any(each["port"] == port for each in rule["ports"] if each["protocol"] == "TCP")
        for rule in rules
    )


def rules_for(policies: list[Object], component: str, direction: str) -> list[Object] | None:
    """The rules that govern a pod; None: all is open to it."""
    governing = [each["spec"] for each in policies if matches(each["spec"]["podSelector"], labels(component))]
    if component == FOREIGN or not any(direction in each["policyTypes"] for each in governing):
        return None
    return [rule for each in governing for rule in each.get(direction.lower()) or []]


def connecting(rendered: Rendered) -> Iterator[Arrow]:
    """Yield every pair of pods that connect, with the port."""
    policies = list(rendered.of_kind("NetworkPolicy").values())
    for source in (FOREIGN, *COMPONENTS):
        out = rules_for(policies, source, "Egress")
        for target in COMPONENTS:
            into = rules_for(policies, target, "Ingress")
            for port in PORTS:
                sends = out is None or lets(out, "to", target, port)
                if sends and (into is None or lets(into, "from", source, port)):
                    yield source, target, port


def drawn(*, monitoring: bool = False) -> set[Arrow]:
    """The table in docs/deploy.md, with `monitoring` the second one, too."""
    text = (ROOT / "docs" / "deploy.md").read_text().partition("## Who connects to whom")[2]
    if not monitoring:
        text = text.partition("### With the bundled monitoring")[0]
    rows = re.findall(r"^\| ([a-z-]+) \| ([a-z-]+) \| (\d+) \|", text, re.MULTILINE)
    return {(source, target, int(port)) for source, target, port in rows}


def test_exactly_the_drawn_arrows_connect(small: Rendered) -> None:
    """Of all pairs of pods and all ports, those in the table of docs/deploy.md connect, and no other."""
    assert set(connecting(small)) == drawn()


def test_the_bundled_monitoring_connects_as_drawn() -> None:
    """Both tables of docs/deploy.md together tell every arrow."""
    assert set(connecting(render(PROFILES["all of the monitoring"]))) == drawn(monitoring=True)


def test_redis_is_reached_by_the_operator_for_its_certificate() -> None:
    """With TLS of Redis there is one arrow more."""
    tls = render({"tls": {"redis": {"enabled": True, "secretName": "redis-tls"}}})
    assert set(connecting(tls)) - drawn() == {("operator", "redis", 6379)}


def test_where_all_is_open_web_has_no_way_to_the_data_set() -> None:
    """There are no identities to look up."""
    assert drawn() - set(connecting(render({"auth": {"mode": "open"}}))) == {("web", "data-set", 27017)}


def test_a_real_quote_server_takes_the_place_of_the_mock() -> None:
    """Transactions reach the server's networks and its port, and nobody else does."""
    networks = ["192.0.2.0/24", "2001:db8::/64"]
    servers: list[tuple[Object, list[str]]] = [
        ({"host": "192.0.2.7", "port": 4450}, ["192.0.2.7/32"]),
        ({"host": "quotes.example", "port": 4450, "cidrs": networks}, networks),
    ]
    for server, expected in servers:
        rendered = render({"quotes": {"mock": {"enabled": False}, "server": server}})
        assert drawn() - set(connecting(rendered)) == {("transaction", "quotes", 4444)}
        blocks = {
            name: [(rule["to"], rule["ports"]) for rule in policy["spec"]["egress"] or [] if "ipBlock" in rule["to"][0]]
            for name, policy in rendered.of_kind("NetworkPolicy").items()
        }
        assert blocks.pop("daytrader-transaction") == [
            ([{"ipBlock": {"cidr": each}} for each in expected], [{"protocol": "TCP", "port": 4450}])
        ]
        assert [name for name, found in blocks.items() if found] == ["daytrader-operator"]


def test_a_quote_server_by_name_needs_its_networks() -> None:
    """The refusal says which value is missing, and what for."""
    with pytest.raises(AssertionError, match=r'quotes.server.cidrs is empty, and "quotes.example" is no IPv4 address'):
        render({"quotes": {"mock": {"enabled": False}, "server": {"host": "quotes.example"}}})


def test_everybody_may_ask_dns_and_nothing_else_is_open(small: Rendered) -> None:
    """The policy that denies all governs every pod of the release, and lets out questions to DNS alone."""
    spec = small.one("NetworkPolicy", "daytrader-default")["spec"]
    assert spec["podSelector"] == {
        "matchLabels": {"app.kubernetes.io/name": "daytrader", "app.kubernetes.io/instance": RELEASE}
    }
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert spec["egress"] == [
        {
            "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}],
            "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
        }
    ]
    assert not spec.get("ingress")


def test_clients_and_scrapers_can_be_narrowed() -> None:
    """With peers named, a foreign pod reaches neither web nor metrics, and the release's own pods do as before."""
    only = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "front"}}}]
    narrowed = set(connecting(render({"networkPolicy": {"clients": only, "scrapers": only}})))
    assert narrowed == {arrow for arrow in drawn() if arrow[0] != FOREIGN}


def test_without_policies_there_are_none() -> None:
    """The switch takes all of them away."""
    assert not render({"networkPolicy": {"enabled": False}}).of_kind("NetworkPolicy")
