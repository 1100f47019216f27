"""The definition of the resource Workload."""

from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
import yaml

from daytrader_operator.workload.spec import Spec
from daytrader_operator.workload.status import Condition, Status

CRD = Path(__file__).parents[3] / "charts/daytrader/crds/workloads.yaml"


@pytest.fixture(scope="module")
def version() -> dict[str, Any]:
    """The one version of the resource."""
    (found,) = yaml.safe_load(CRD.read_text())["spec"]["versions"]
    assert isinstance(found, dict)
    return found


def fields(struct: type[msgspec.Struct]) -> set[str]:
    """The names in JSON of a type's fields."""
    return {field.encode_name for field in msgspec.structs.fields(struct)}


def test_spec_and_status_have_the_fields_that_the_operator_knows(version: dict[str, Any]) -> None:
    """The API server would drop any other."""
    properties = version["schema"]["openAPIV3Schema"]["properties"]
    assert properties["spec"]["properties"].keys() == fields(Spec)
    assert properties["status"]["properties"].keys() == fields(Status)
    assert properties["status"]["properties"]["conditions"]["items"]["properties"].keys() == fields(Condition)


def test_columns_show_fields_of_the_status(version: dict[str, Any]) -> None:
    """`kubectl get wl` tells how it went."""
    status = version["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]
    columns = {column["name"]: column["jsonPath"] for column in version["additionalPrinterColumns"]}
    assert list(columns) == ["Phase", "TPS", "p50", "p99", "Failed", "Verified", "Age", "Message"]
    for path in columns.values():
        assert path == ".metadata.creationTimestamp" or path.removeprefix(".status.") in status


@pytest.mark.parametrize(
    "spec",
    [
        {"made": {"users": 1, "commands": 2}, "loop": {"closed": {}}},
        {"url": "https://x/y", "loop": {"open": {"rate": 0.5}}, "duration": "1h30m", "verify": False},
        {"configMap": {"name": "c", "key": "day.txt"}, "loop": {"closed": {"connections": 5}}, "processes": 2},
    ],
)
def test_sensible_specs_pass(version: dict[str, Any], spec: dict[str, Any]) -> None:
    """As in the documentation."""
    jsonschema.validate(spec, version["schema"]["openAPIV3Schema"]["properties"]["spec"])


@pytest.mark.parametrize(
    "spec",
    [
        {"made": {"users": 1, "commands": 2}},
        {"made": {"users": 0, "commands": 2}, "loop": {"closed": {}}},
        {"made": {"users": 1}, "loop": {"closed": {}}},
        {"url": "ftp://x", "loop": {"closed": {}}},
        {"url": "http://x", "loop": {"open": {}}},
        {"url": "http://x", "loop": {"open": {"rate": 0}}},
        {"url": "http://x", "loop": {"closed": {}}, "duration": "ten minutes"},
        {"url": "http://x", "loop": {"closed": {}}, "processes": 0},
        {"configMap": {"name": "c", "key": "a/b"}, "loop": {"closed": {}}},
    ],
)
def test_senseless_specs_are_refused(version: dict[str, Any], spec: dict[str, Any]) -> None:
    """By the API server, before anything runs."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(spec, version["schema"]["openAPIV3Schema"]["properties"]["spec"])
