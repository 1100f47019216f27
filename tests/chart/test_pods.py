"""What every pod of the chart is like, under every profile."""

import pytest

from daytrader.settings import load
from tests.chart.programs import ROOT
from tests.chart.rendering import PROFILES, TLS, Object, Rendered, render
from tests.chart.restricted import violations

SERVICES = ("web", "transaction", "audit")


def container_of(rendered: Rendered, component: str) -> Object:
    """The one container of a component's Deployment."""
    (container,) = rendered.one("Deployment", f"daytrader-{component}")["spec"]["template"]["spec"]["containers"]
    assert isinstance(container, dict)
    return container


def environment(container: Object) -> dict[str, object]:
    """Its variables: the value, or where that is from."""
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container["env"]}


def test_every_pod_is_restricted(rendered: Rendered) -> None:
    """None is refused in a namespace that enforces the standard "restricted"."""
    found = {name: list(violations(pod["spec"])) for name, pod in rendered.pods()}
    assert found
    assert not {name: wrong for name, wrong in found.items() if wrong}


def test_the_check_of_the_standard_bites() -> None:
    """A pod of the least effort breaks it in every point that takes an effort, and the worst one in the others."""
    lazy = list(violations({"containers": [{"name": "a"}]}))
    assert len(lazy) == 4
    worst = violations(
        {
            "hostNetwork": True,
            "volumes": [{"name": "v", "hostPath": {}}],
            "securityContext": {
                "runAsUser": 0,
                "sysctls": [{"name": "kernel.msgmax"}],
                "seLinuxOptions": {"user": "u"},
            },
            "containers": [
                {
                    "name": "a",
                    "securityContext": {
                        "privileged": True,
                        "capabilities": {"add": ["SYS_ADMIN"]},
                        "procMount": "Unmasked",
                    },
                    "ports": [{"hostPort": 1}],
                    "livenessProbe": {"httpGet": {"host": "elsewhere"}},
                }
            ],
        }
    )
    assert len(list(worst)) == 3 + 11


def test_root_file_systems_cannot_be_written(rendered: Rendered) -> None:
    """What a program writes goes to an emptyDir or to a volume."""
    for name, pod in rendered.pods():
        for container in pod["spec"]["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True, name


def test_every_container_asks_for_memory_and_has_a_limit_of_it(rendered: Rendered) -> None:
    """CPU is asked for, and not limited: throttling shows as latency."""
    for name, pod in rendered.pods():
        for container in pod["spec"]["containers"]:
            resources = container["resources"]
            assert set(resources["requests"]) >= {"cpu", "memory"}, name
            assert set(resources["limits"]) == {"memory"}, name


def test_no_pod_learns_of_services_by_environment_variables(rendered: Rendered) -> None:
    """A Service named daytrader-… would otherwise give every pod variables that begin like settings."""
    for name, pod in rendered.pods():
        assert pod["spec"]["enableServiceLinks"] is False, name


@pytest.mark.parametrize("component", SERVICES)
def test_services_drain(small: Rendered, component: str) -> None:
    """Time for everybody to notice comes before the signal; the grace period holds it, 20 s of grace, and some more."""
    container = container_of(small, component)
    assert container["lifecycle"] == {"preStop": {"sleep": {"seconds": 5}}}
    deployment = small.one("Deployment", f"daytrader-{component}")["spec"]
    assert deployment["template"]["spec"]["terminationGracePeriodSeconds"] == 35
    assert deployment["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


@pytest.mark.parametrize("component", SERVICES)
@pytest.mark.parametrize(("values", "scheme"), [({}, "HTTP"), (TLS, "HTTPS")])
def test_probes_are_split(component: str, values: dict[str, object], scheme: str) -> None:
    """Readiness is the replica's own state; start and liveness touch nothing outside."""
    container = container_of(render(values), component)
    for probe, path in (("startupProbe", "/live"), ("readinessProbe", "/ready"), ("livenessProbe", "/live")):
        assert container[probe]["httpGet"] == {"path": path, "port": "http", "scheme": scheme}


@pytest.mark.parametrize("component", SERVICES)
def test_services_learn_the_secrets_from_files_and_secrets(small: Rendered, component: str) -> None:
    """No credential stands in a pod's spec."""
    told = environment(container_of(small, component))
    assert told["DAYTRADER_INTERNAL_TOKEN_FILE"] == "/etc/daytrader/internal/tokens"
    uris = {"DAYTRADER_DATA_URI": "daytrader-data-set-user", "DAYTRADER_AUDIT_URI": "daytrader-audit-set-user"}
    wanted = {"web": ["DAYTRADER_DATA_URI"], "transaction": ["DAYTRADER_DATA_URI"], "audit": list(uris)}[component]
    assert [name for name in uris if name in told] == wanted
    for name in wanted:
        assert told[name] == {"secretKeyRef": {"name": uris[name], "key": "uri"}}


def test_addresses_of_the_services(small: Rendered) -> None:
    """Each is told where the others are, by their names within the cluster."""
    web = environment(container_of(small, "web"))
    assert web["DAYTRADER_TRANSACTION_DNS"] == "daytrader-transaction.daytrader.svc:8080"
    assert web["DAYTRADER_WEB_DNS"] == "daytrader-web-pods.daytrader.svc:8080"
    assert web["DAYTRADER_AUDIT_URL"] == "http://daytrader-audit.daytrader.svc:8080"
    assert str(web["DAYTRADER_METRICS_URLS"]).split(",") == [
        "audit=dns://daytrader-audit-pods.daytrader.svc:9100",
        "operator=dns://daytrader-operator.daytrader.svc:9100",
        "transaction=dns://daytrader-transaction.daytrader.svc:9100",
        "web=dns://daytrader-web-pods.daytrader.svc:9100",
    ]
    transaction = environment(container_of(small, "transaction"))
    assert transaction["DAYTRADER_TRANSACTION_DNS"] == "daytrader-transaction.daytrader.svc:8080"
    assert transaction["DAYTRADER_OWN_URL"] == "http://$(POD_IP):8080"
    assert transaction["DAYTRADER_REDIS_URL"] == "redis://:$(REDIS_PASSWORD)@daytrader-redis.daytrader.svc:6379/0"
    assert transaction["DAYTRADER_QUOTE_SERVER"] == "daytrader-quotes.daytrader.svc:4444"
    names = list(transaction)
    assert names.index("REDIS_PASSWORD") < names.index("DAYTRADER_REDIS_URL")
    assert names.index("POD_IP") < names.index("DAYTRADER_OWN_URL")


def test_every_setting_is_one_that_the_services_know(rendered: Rendered) -> None:
    """A variable with a wrong name would end the service."""
    for component in SERVICES:
        told = environment(container_of(rendered, component))
        settings = {name: value for name, value in told.items() if name.startswith("DAYTRADER_")}
        load({name: value if isinstance(value, str) else "from a secret" for name, value in settings.items()})


def test_tls_everywhere() -> None:
    """Each service has its own certificate, and of the Secrets of those that it calls nothing but the CA."""
    rendered = render(TLS)
    expected = {
        "web": {"web-tls": {"tls.crt", "tls.key"}, "internal-tls": {"ca.crt"}, "mongodb-tls": {"ca.crt"}},
        "transaction": {
            "internal-tls": {"tls.crt", "tls.key", "ca.crt"},
            "mongodb-tls": {"ca.crt"},
            "redis-tls": {"ca.crt"},
        },
        "audit": {"internal-tls": {"tls.crt", "tls.key"}, "mongodb-tls": {"ca.crt"}},
    }
    for component, secrets in expected.items():
        spec = rendered.one("Deployment", f"daytrader-{component}")["spec"]["template"]["spec"]
        found: dict[str, set[str]] = {}
        for volume in (each["secret"] for each in spec["volumes"] if "secret" in each):
            found.setdefault(volume["secretName"], set()).update(item["key"] for item in volume.get("items", []))
        del found["daytrader-internal"]
        assert found == secrets
    web, transaction = (environment(container_of(rendered, each)) for each in ("web", "transaction"))
    assert web["DAYTRADER_AUDIT_URL"] == "https://daytrader-audit.daytrader.svc:8080"
    assert transaction["DAYTRADER_OWN_URL"] == "https://$(POD_IP):8080"
    assert str(transaction["DAYTRADER_REDIS_URL"]).startswith("rediss://")
    assert web["DAYTRADER_WEB_DNS"] == "daytrader-web-pods.daytrader.svc:8080"
    operator = environment(container_of(rendered, "operator"))
    assert operator["OPERATOR_WEB_URL"] == "https://daytrader-web.daytrader.svc"
    assert rendered.one("MongoReplicaSet", "daytrader-data-set")["spec"]["tls"] == {"secretName": "mongodb-tls"}
    assert rendered.one("Service", "daytrader-web")["spec"]["ports"][0]["port"] == 443


@pytest.mark.parametrize("part", ["web", "internal"])
def test_web_replicas_do_not_ask_each_other_in_a_way_that_they_do_not_speak(part: str) -> None:
    """With TLS either at web alone or between the services alone, none is told where the others are."""
    mixed = render({"tls": {part: {"enabled": True, "secretName": "some"}}})
    assert "DAYTRADER_WEB_DNS" not in environment(container_of(mixed, "web"))


@pytest.mark.parametrize("component", ["web", "transaction", "audit", "quotes", "operator"])
def test_one_component_can_have_another_build(component: str) -> None:
    """A component's own tag goes before the common one, and that before the chart's version."""
    own = {"image": {"tag": "b"}}
    path = {"quotes": {"mock": own}} if component == "quotes" else {component: own}
    rendered = render({"image": {"tag": "a"}, **path})
    tags = {
        each: container_of(rendered, each)["image"].rpartition(":")[2]
        for each in ("web", "transaction", "audit", "quotes", "operator")
    }
    assert tags.pop(component) == "b"
    assert set(tags.values()) == {"a"}


def test_the_image_runs_as_the_user_that_pods_name() -> None:
    """The Dockerfile and the chart agree on the user."""
    assert "\nUSER 10001:10001\n" in (ROOT / "Dockerfile").read_text()
    context = render({}).one("Deployment", "daytrader-web")["spec"]["template"]["spec"]["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"], context["fsGroup"]) == (10001, 10001, 10001)


@pytest.mark.parametrize("component", [*SERVICES, "operator", "redis", "quotes"])
def test_what_may_be_anywhere_leaves_a_lost_node_soon(component: str) -> None:
    """After `nodeLossSeconds`, and whatever else its tolerations say."""
    own = {"tolerations": [{"key": "dedicated", "operator": "Exists"}]}
    placed = {"quotes": {"mock": own}} if component == "quotes" else {component: own}

    def leaving(seconds: int) -> list[Object]:
        taints = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
        alike = {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds}
        return [{"key": taint, **alike} for taint in taints]

    for values, wanted in (
        ({}, leaving(30)),
        ({"nodeLossSeconds": 0, **placed}, [*leaving(0), *own["tolerations"]]),
    ):
        pod = render(values).one("Deployment", f"daytrader-{component}")["spec"]["template"]["spec"]
        assert pod["tolerations"] == wanted


def test_members_wait_for_the_node_with_their_volume(small: Rendered) -> None:
    """Nothing makes them leave it sooner than Kubernetes would."""
    for name in ("daytrader-data-set", "daytrader-audit-set"):
        assert not small.one("MongoReplicaSet", name)["spec"].get("tolerations")


def test_every_profile_is_rendered() -> None:
    """The profiles of these tests are those that the chart and its overlays have."""
    assert {"small", "lab", "dev"} <= PROFILES.keys()
