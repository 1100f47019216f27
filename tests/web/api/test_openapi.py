"""The OpenAPI document: valid, and of what is really served."""

import json
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from daytrader.web.api.openapi import document
from daytrader.web.api.operations import LOGS, OPERATIONS
from daytrader.web.api.problems import KINDS
from tests.web.api.asking import ask, said


@pytest.fixture
def api() -> Any:
    """The document."""
    return json.loads(document())


def test_the_document_is_openapi(api: Any) -> None:
    """The document is valid by the rules of OpenAPI 3.1."""
    OpenAPIV31SpecValidator(api).validate()


async def test_the_document_is_served(api: Any, port: int) -> None:
    """The document is to be had at the address that every client tries first."""
    assert said(await ask(port, "GET", "/openapi.json")) == api


def test_it_holds_every_operation(api: Any) -> None:
    """Each operation of the table stands in it by its id, with what it takes and answers."""
    told = {one["operationId"]: one for methods in api["paths"].values() for one in methods.values()}
    others = {"batch", "showProblem", "accountStream", "quoteStream"}
    assert set(told) == {one.id for one in OPERATIONS} | {one.id for one in LOGS} | others
    for one in OPERATIONS:
        described = told[one.id]
        assert str(one.status) in described["responses"]
        assert ("requestBody" in described) == (one.body is not None)
        named = {parameter["name"] for parameter in described["parameters"] if parameter["in"] == "path"}
        assert named == {name for name in ("user", "symbol") if f"{{{name}}}" in one.path}


def test_every_kind_of_problem_is_named(api: Any) -> None:
    """The codes that a problem may have are listed, and each stands where its status is described."""
    assert api["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] == sorted(KINDS)
    deposit = api["paths"]["/accounts/{user}/deposits"]["post"]["responses"]
    for kind in KINDS.values():
        if kind.status in (400, 413, 415, 503):
            assert f"`{kind.code}`" in deposit[str(kind.status)]["description"]


def test_bounds_are_told(api: Any) -> None:
    """A client can read from the schema which values are never refused for their form."""
    amount = api["components"]["schemas"]["NewOrder"]["properties"]["amount_cents"]
    assert (amount["minimum"], amount["maximum"]) == (1, 10**15)
    assert api["components"]["schemas"]["NewOrder"]["properties"]["symbol"]["pattern"] == "^[A-Z]{1,3}$"
