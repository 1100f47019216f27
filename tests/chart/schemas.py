"""What Kubernetes and the definitions of custom resources say of objects, strictly: an unknown field is an error."""

import functools
import json
from collections.abc import Iterator
from typing import Any, Final

import jsonschema
import kubernetes_validate
import yaml

from tests.chart.rendering import CHART, Object

VERSIONS: Final = ("1.30", "1.34")
"""The oldest that the chart takes, and the one that it is tried on."""

_STRING: Final = {"type": "string"}
_STRINGS: Final = {"type": "object", "additionalProperties": _STRING}


def _map(required: str, **properties: object) -> Object:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required.split(),
        "properties": properties,
    }


_METADATA: Final = _map("name labels", name=_STRING, namespace=_STRING, labels=_STRINGS)

OTHERS: Final[dict[tuple[str, str], Object]] = {
    ("keda.sh/v1alpha1", "ScaledObject"): _map(
        "scaleTargetRef triggers",
        scaleTargetRef=_map("name", name=_STRING),
        pollingInterval={"type": "integer"},
        minReplicaCount={"type": "integer", "minimum": 0},
        maxReplicaCount={"type": "integer", "minimum": 1},
        fallback=_map(
            "failureThreshold replicas",
            failureThreshold={"type": "integer"},
            replicas={"type": "integer"},
            behavior={"enum": ["static", "currentReplicas", "currentReplicasIfHigher", "currentReplicasIfLower"]},
        ),
        advanced=_map("", horizontalPodAutoscalerConfig=_map("", behavior={"type": "object"})),
        triggers={
            "type": "array",
            "items": _map(
                "type metadata",
                type={"enum": ["prometheus", "cpu"]},
                metricType={"enum": ["AverageValue", "Value", "Utilization"]},
                metadata=_STRINGS,
            ),
        },
    ),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"): _map(
        "parentRefs rules",
        parentRefs={"type": "array", "items": {"type": "object", "required": ["name"]}},
        hostnames={"type": "array", "items": _STRING},
        rules={
            "type": "array",
            "items": _map(
                "backendRefs",
                backendRefs={"type": "array", "items": _map("name port", name=_STRING, port={"type": "integer"})},
            ),
        },
    ),
    ("monitoring.coreos.com/v1", "PodMonitor"): _map(
        "selector podMetricsEndpoints",
        selector={"type": "object"},
        podTargetLabels={"type": "array", "items": _STRING},
        podMetricsEndpoints={"type": "array", "items": _map("port", port=_STRING, interval=_STRING)},
    ),
    ("monitoring.coreos.com/v1", "PrometheusRule"): _map("groups", groups={"type": "array"}),
    ("apiregistration.k8s.io/v1", "APIService"): {"type": "object"},
}
"""What is used of the resources that others define, by version and kind."""


def complaints(each: Object, version: str) -> list[str]:
    """Return what is wrong with an object, by field."""
    return _complaints(json.dumps(each), version)


@functools.cache
def _complaints(text: str, version: str) -> list[str]:
    return list(_found(json.loads(text), version))


def _found(each: Object, version: str) -> Iterator[str]:
    identity = (each["apiVersion"], each["kind"])
    if identity in OTHERS:
        yield from _errors(each, _map("", apiVersion=_STRING, kind=_STRING, metadata=_METADATA, spec=OTHERS[identity]))
    elif identity in (ours := _own()):
        yield from _errors(each, ours[identity])
    else:
        try:
            kubernetes_validate.validate(each, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{'.'.join(map(str, error.path))}: {error.message}"


def _errors(each: Object, schema: Object) -> Iterator[str]:
    for error in jsonschema.Draft202012Validator(schema).iter_errors(each):
        yield f"{'.'.join(map(str, error.path))}: {error.message}"


@functools.cache
def _own() -> dict[tuple[str, str], Object]:
    """The schemas of our own custom resources."""
    found = {}
    for file in (CHART / "crds").glob("*.yaml"):
        spec = yaml.safe_load(file.read_text())["spec"]
        for version in spec["versions"]:
            schema = _closed(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"type": "object"}
            found[f"{spec['group']}/{version['name']}", spec["names"]["kind"]] = schema
    return found


def _closed(schema: Any) -> Any:
    """The schema with unknown fields forbidden where the API server would drop them."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(part) for name, part in schema.items()}
    if "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        closed.setdefault("additionalProperties", False)
    return closed
