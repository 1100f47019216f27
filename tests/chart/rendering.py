"""The chart rendered with values, as objects."""

import functools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from tests.chart.programs import ROOT, helm, kustomize, run

CHART: Final = ROOT / "charts" / "daytrader"
OVERLAYS: Final = ROOT / "k8s" / "overlays"
RELEASE: Final = "daytrader"
NAMESPACE: Final = "daytrader"

Object = dict[str, Any]
"""A Kubernetes object, or a part of one: what YAML gives."""

Values = dict[str, Any]

TLS: Final[Values] = {
    "tls": {part: {"enabled": True, "secretName": f"{part}-tls"} for part in ("web", "internal", "mongodb", "redis")}
}

PROFILES: Final[dict[str, Values]] = {
    "small": {},
    "lab": yaml.safe_load((OVERLAYS / "lab" / "values.yaml").read_text()),
    "dev": yaml.safe_load((OVERLAYS / "dev" / "values.yaml").read_text()),
    "everything secret": TLS,
    "by hand": {
        "autoscaling": {"provider": "none"},
        "web": {"replicas": 3},
        "transaction": {"replicas": 3},
        "audit": {"replicas": 2},
    },
    "open": {"auth": {"mode": "open"}},
    "passwords and tokens that are there": {
        "auth": {"adminPasswordSecret": "first-admin", "tokensSecret": "first-tokens", "trustedProxies": ["10.0.0.0/8"]}
    },
    "keda": {"autoscaling": {"provider": "keda"}},
    "a real quote server": {"quotes": {"mock": {"enabled": False}, "server": {"host": "192.0.2.7", "port": 4450}}},
    "routed": {
        "ingress": {"enabled": True, "className": "any", "hosts": ["a.example"], "tls": {"secretName": "edge"}},
        "httpRoute": {"enabled": True, "parentRefs": [{"name": "gateway"}], "hostnames": ["b.example"]},
    },
    "ingress for every host": {"ingress": {"enabled": True}},
    "all of the monitoring": {
        "monitoring": {
            "podMonitor": {"enabled": True},
            "prometheus": {"enabled": True},
            "adapter": {"enabled": True},
            "grafana": {"enabled": True},
            "rules": {"prometheusRule": {"enabled": True}},
        }
    },
    "placed": {
        component: {
            "nodeSelector": {"disk": "fast"},
            "tolerations": [{"operator": "Exists"}],
            "priorityClassName": "high",
        }
        for component in ("web", "transaction", "audit", "dataSet", "auditSet", "redis", "operator")
    }
    | {"dataSet": {"spread": "required", "nodeSelector": {"disk": "fast"}, "storage": {"className": "fast"}}},
    "backups": {"backup": {"enabled": True}} | TLS,
    "backups on a claim that is there": {
        "backup": {"enabled": True, "existingClaim": "mine", "restoreFrom": "20260102T030405.678Z"}
    },
    "other registry": {"image": {"repository": "registry.example/daytrader", "tag": "7", "pullSecrets": ["pull"]}},
    "broken on purpose": {"operations": {"breaking": True}},
    "without policies": {"networkPolicy": {"enabled": False}},
}
"""Every profile, and every combination of values that changes what objects there are or what is in them."""


@dataclass(frozen=True)
class Rendered:
    """Objects of one rendering."""

    objects: Sequence[Object]

    def of_kind(self, kind: str) -> dict[str, Object]:
        """Return the objects of a kind, by name."""
        return {each["metadata"]["name"]: each for each in self.objects if each["kind"] == kind}

    def one(self, kind: str, name: str) -> Object:
        """Return an object; KeyError where it is not there."""
        return self.of_kind(kind)[name]

    def pods(self) -> Iterator[tuple[str, Object]]:
        """Yield name, and metadata and spec, of every pod and pod template."""
        for each in self.objects:
            name = f"{each['kind']} {each['metadata']['name']}"
            match each["kind"]:
                case "Pod":
                    yield name, each
                case "Deployment" | "Job" | "StatefulSet":
                    yield name, each["spec"]["template"]
                case "CronJob":
                    yield name, each["spec"]["jobTemplate"]["spec"]["template"]


@functools.cache
def _rendered(values: str, release: str, options: tuple[str, ...]) -> Rendered:
    text = run(
        *(helm(), "template", release, str(CHART), "--namespace", NAMESPACE, "--values", "-", *options), stdin=values
    )
    return Rendered([each for each in yaml.load_all(text, yaml.CSafeLoader) if each])


def render(values: Values, release: str = RELEASE, *options: str) -> Rendered:
    """Return what the chart makes of `values`. Each is rendered once a run: change nothing in it."""
    return _rendered(json.dumps(values), release, options)


@functools.cache
def overlay(name: str) -> Rendered:
    """Return what kustomize makes of an overlay."""
    words = (*kustomize(), "--enable-helm", "--helm-command", helm(), str(OVERLAYS / name))
    return Rendered([each for each in yaml.load_all(run(*words), yaml.CSafeLoader) if each])
