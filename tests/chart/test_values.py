"""The values: all of them told, all of them checked."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import yaml

from tests.chart import readme
from tests.chart.programs import helm, run
from tests.chart.rendering import CHART, PROFILES, Object, Values, render

SCHEMA: Object = json.loads((CHART / "values.schema.json").read_text())
DEFAULTS: Values = yaml.safe_load((CHART / "values.yaml").read_text())

VALUE_IS_A_MAP = (
    "Labels",
    "labels",
    "nodeSelector",
    "annotations",
    "podAnnotations",
    "settings",
    "resources",
    "affinity",
)


def trees(values: Values, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the paths of all maps of values that have names of ours in them."""
    yield path
    for name, value in values.items():
        if isinstance(value, dict) and name not in VALUE_IS_A_MAP:
            yield from trees(value, (*path, name))


def leaves(values: Values, path: str = "") -> Iterator[str]:
    """Yield the paths of all values that are no map of others."""
    for name, value in values.items():
        if isinstance(value, dict) and value and name not in VALUE_IS_A_MAP:
            yield from leaves(value, f"{path}{name}.")
        else:
            yield f"{path}{name}"


def objects(schema: Any, path: str = "") -> Iterator[tuple[str, Object]]:
    """Yield every part of the schema that is about a map."""
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield path, schema
        for name, part in schema.items():
            yield from objects(part, f"{path}/{name}")
    elif isinstance(schema, list):
        for number, part in enumerate(schema):
            yield from objects(part, f"{path}/{number}")


@pytest.mark.parametrize("profile", PROFILES)
def test_the_chart_is_clean(profile: str) -> None:
    """`helm lint --strict` has nothing to say under any profile."""
    run(helm(), "lint", "--strict", "--quiet", str(CHART), "--values", "-", stdin=json.dumps(PROFILES[profile]))


def test_an_unknown_value_is_refused_wherever_it_stands() -> None:
    """Every map of values is closed; the complaint names the path."""
    validator = jsonschema.Draft202012Validator(SCHEMA)
    validator.validate(DEFAULTS)
    for path in trees(DEFAULTS):
        values = copy.deepcopy(DEFAULTS)
        inner = values
        for name in path:
            inner = inner[name]
        inner["unknown"] = 1
        errors = [(tuple(error.path), error.message) for error in validator.iter_errors(values)]
        assert [where for where, _ in errors] == [path], f"{path}: {errors}"


@pytest.mark.parametrize(
    ("values", "path", "complaint"),
    [
        ({"web": {"replica": 3}}, "/web", "additional properties 'replica' not allowed"),
        ({"dataSet": {"storage": {"sise": "1Gi"}}}, "/dataSet/storage", "additional properties 'sise' not allowed"),
        ({"dataSet": {"members": 4}}, "/dataSet/members", "one of 1, 3, 5, 7"),
        ({"settings": {"LOG_LEVEL": "debug"}}, "/settings", "additional properties 'LOG_LEVEL' not allowed"),
        ({"tls": {"web": {"enabled": True}}}, "/tls/web/secretName", "minLength"),
        ({"quotes": {"mock": {"enabled": False}}}, "/quotes/server/host", "minLength"),
        ({"httpRoute": {"enabled": True}}, "/httpRoute/parentRefs", "minItems"),
        ({"web": {"resources": {"requests": {"cpus": 1}}}}, "/web/resources/requests", "'cpus' not allowed"),
        ({"image": {"tag": 1.2}}, "/image/tag", "got number, want string"),
    ],
)
def test_helm_refuses_with_the_path(values: Values, path: str, complaint: str) -> None:
    """What helm says names the value by its path, and what is wrong with it."""
    with pytest.raises(AssertionError) as raised:
        render(values)
    assert f"at '{path}'" in str(raised.value)
    assert complaint in str(raised.value)


def test_every_map_in_the_schema_is_closed() -> None:
    """Names are either listed or of a kind; what Kubernetes itself defines is left to Kubernetes."""
    kubernetes_own = {
        *(f"/$defs/affinity/properties/{kind}" for kind in ("nodeAffinity", "podAffinity", "podAntiAffinity")),
        *(f"/$defs/peers/items/properties/{kind}" for kind in ("namespaceSelector", "podSelector", "ipBlock")),
        "/properties/httpRoute/properties/parentRefs/items",
    }
    open_maps = {path for path, part in objects(SCHEMA) if part.get("additionalProperties", True) is True}
    assert open_maps == kubernetes_own


def test_every_value_is_told() -> None:
    """Each value in values.yaml has its comment."""
    told = {value.path for value in readme.values()}
    untold = [path for path in leaves(DEFAULTS) if path not in told]
    assert not untold


def test_the_readme_has_the_values_of_now() -> None:
    """Its table is made from values.yaml: run `.venv/bin/python -m tests.chart.readme` where this fails."""
    assert readme.README.read_text() == readme.readme()
