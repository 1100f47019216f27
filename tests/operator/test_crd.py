"""The resource's schema."""

from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
import yaml

from daytrader_operator.desired import GROUP, KIND, VERSION, Spec
from daytrader_operator.diagnosis import diagnose
from daytrader_operator.status import status_of
from tests.operator.sets import NOW, wanted, whole
from tests.operator.test_resources import FULL

CRD: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[2] / "charts/daytrader/crds/mongoreplicasets.yaml").read_text()
)
SERVED = CRD["spec"]["versions"][0]
SCHEMA = SERVED["schema"]["openAPIV3Schema"]["properties"]


def test_it_is_the_resource_that_the_operator_keeps() -> None:
    """Group, kind, version and short name, namespaced, with status and scale."""
    assert (CRD["spec"]["group"], CRD["spec"]["names"]["kind"], SERVED["name"]) == (GROUP, KIND, VERSION)
    assert CRD["spec"]["names"]["shortNames"] == ["mrs"]
    assert CRD["spec"]["scope"] == "Namespaced"
    assert SERVED["subresources"]["scale"]["specReplicasPath"] == ".spec.members"
    shown = [column["name"] for column in SERVED["additionalPrinterColumns"] if not column.get("priority")]
    assert shown == ["Ready", "Primary", "Members", "Version", "Age"]


def test_schema_and_operator_know_the_same_fields() -> None:
    """Every field of the schema is read, every field that is read is in the schema, with the same default."""
    fields = {field.name: field for field in msgspec.structs.fields(Spec)}
    assert {*SCHEMA["spec"]["properties"]} == {*fields}
    defaults = {name: found["default"] for name, found in SCHEMA["spec"]["properties"].items() if "default" in found}
    assert defaults.pop("storage") == {}
    assert defaults == {name: fields[name].default for name in defaults}


@pytest.mark.parametrize("spec", [{}, FULL])
def test_full_and_empty_specs_are_of_the_schema(spec: dict[str, Any]) -> None:
    """What the schema takes the operator understands."""
    jsonschema.validate(spec, SCHEMA["spec"])
    wanted(**spec)


@pytest.mark.parametrize(
    "spec", [{"members": 0}, {"members": 9}, {"cacheGB": 0.1}, {"storage": {"size": "much"}}, {"tls": {}}]
)
def test_what_cannot_be_is_refused(spec: dict[str, Any]) -> None:
    """By the API server, before the operator sees it."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(spec, SCHEMA["spec"])


def test_the_status_loses_nothing() -> None:
    """Every field that the operator writes is in the schema: the API server would drop another one silently."""
    desired = wanted()
    observed = whole(desired)
    said = status_of(desired, observed, diagnose(desired, observed), None, NOW)
    schema = SCHEMA["status"]
    jsonschema.validate(said, schema)
    assert {*said} == {*schema["properties"]}
    assert {*said["conditions"][0]} == {*schema["properties"]["conditions"]["items"]["properties"]}


def test_rules_keep_what_cannot_change() -> None:
    """Odd members, volumes that never shrink, and what cannot be changed on a living set."""
    text = (Path(__file__).parents[2] / "charts/daytrader/crds/mongoreplicasets.yaml").read_text()
    for rule in ("self % 2 == 1", "compareTo(quantity(string(oldSelf))) >= 0", "has(self.tls) == has(oldSelf.tls)"):
        assert rule in text
