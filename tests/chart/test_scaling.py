"""Who decides the number of replicas, and by what."""

import pytest

from tests.chart.rendering import Object, render

SCALED = {"web": "daytrader_commands", "transaction": "daytrader_decided_records"}


def test_no_replicas_where_an_autoscaler_rules() -> None:
    """An upgrade would otherwise take back what the autoscaler has done."""
    for provider in ("hpa", "keda"):
        rendered = render({"autoscaling": {"provider": provider}})
        for component in SCALED:
            assert "replicas" not in rendered.one("Deployment", f"daytrader-{component}")["spec"]
        assert rendered.one("Deployment", "daytrader-audit")["spec"]["replicas"] == 1


def test_replicas_by_hand() -> None:
    """Without an autoscaler the values say how many."""
    rendered = render({"autoscaling": {"provider": "none"}, "web": {"replicas": 3}, "transaction": {"replicas": 2}})
    assert not rendered.of_kind("HorizontalPodAutoscaler")
    assert not rendered.of_kind("ScaledObject")
    replicas = [rendered.one("Deployment", f"daytrader-{component}")["spec"]["replicas"] for component in SCALED]
    assert replicas == [3, 2]


@pytest.mark.parametrize(("component", "counter"), SCALED.items())
def test_hpa_by_commands_then_by_cpu(component: str, counter: str) -> None:
    """The first metric is of each pod, by the name that the adapter's rules give it; neither depends on requests."""
    values = {
        "autoscaling": {component: {"minReplicas": 2, "maxReplicas": 5, "targetPerPod": 250, "targetCpu": "600m"}}
    }
    spec = render(values).one("HorizontalPodAutoscaler", f"daytrader-{component}")["spec"]
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": f"daytrader-{component}"}
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 5)
    commands, cpu = spec["metrics"]
    assert commands == {
        "type": "Pods",
        "pods": {
            "metric": {"name": f"{counter}_per_second"},
            "target": {"type": "AverageValue", "averageValue": "250"},
        },
    }
    assert cpu["resource"] == {"name": "cpu", "target": {"type": "AverageValue", "averageValue": "600m"}}
    behaves(spec["behavior"], 300)


@pytest.mark.parametrize(("component", "counter"), SCALED.items())
def test_keda_by_the_same(component: str, counter: str) -> None:
    """No answer of Prometheus is a failure, not zero, and after three of them the replicas that there are stay."""
    keda = {"autoscaling": {"provider": "keda", "scaleInAfterSeconds": 60, "keda": {"prometheusUrl": "http://p:9090"}}}
    rendered = render(keda)
    assert not rendered.of_kind("HorizontalPodAutoscaler")
    spec = rendered.one("ScaledObject", f"daytrader-{component}")["spec"]
    assert spec["fallback"] == {"failureThreshold": 3, "replicas": 1, "behavior": "currentReplicasIfHigher"}
    commands, cpu = spec["triggers"]
    asked = f'sum(rate({counter}_total{{namespace="daytrader",pod=~"daytrader-{component}-.+"}}[1m]))'
    assert commands["metadata"] == {
        "serverAddress": "http://p:9090",
        "query": asked,
        "threshold": "1500",
        "ignoreNullValues": "false",
    }
    assert cpu == {"type": "cpu", "metricType": "AverageValue", "metadata": {"value": "700m"}}
    behaves(spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"], 60)


def behaves(behavior: Object, after: int) -> None:
    """Out at once and by as many again, in one by one after a while."""
    assert behavior["scaleUp"]["stabilizationWindowSeconds"] == 0
    assert behavior["scaleUp"]["policies"][0] == {"type": "Percent", "value": 100, "periodSeconds": 15}
    assert behavior["scaleDown"] == {
        "stabilizationWindowSeconds": after,
        "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}],
    }
