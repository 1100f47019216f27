"""The API against its own OpenAPI document: requests made of its schemas, good and bad, to a real installation."""

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from jsonschema import Draft202012Validator
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import (
    missing_required_header,
    negative_data_rejection,
    positive_data_acceptance,
)

from daytrader.domain.money import LARGEST_CENTS
from daytrader.web.api.batch_line import NDJSON
from daytrader.web.api.openapi import document
from tests.e2e.installation import running

LONGEST = 10.0
"""Seconds that an answer may take: what the engine may."""

RICH = "rich"
"""A user with an account, whose commands are not all refused."""

UNASKED = [positive_data_acceptance, missing_required_header]
"""Checks that cannot hold: by the rules most of what is of the schema is refused, and no header is required."""

quick = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@schemathesis.serializer(NDJSON)
def _lines(_: schemathesis.SerializationContext, value: Any) -> bytes:
    """Return a batch's body of the lines that were generated; what is no list of them is sent as one."""
    lines = value if isinstance(value, list) else [value]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def described(*modes: schemathesis.GenerationMode) -> schemathesis.BaseSchema:
    """Return the document, with a batch's body as the list of lines that it is, for requests to be made of it."""
    api = json.loads(document())
    body = api["paths"]["/batch"]["post"]["requestBody"]["content"][NDJSON]
    body["schema"] = {"type": "array", "items": body.pop("x-line"), "maxItems": 20}
    del body["example"]
    load_all_checks()
    schema = schemathesis.openapi.from_dict(api)
    schema.config.generation.update(modes=list(modes))
    return schema


LINE = Draft202012Validator(
    {"$ref": "#/components/schemas/BatchAnswer", "components": json.loads(document())["components"]}
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the API of a running embedded installation with one rich user."""
    with running(tmp_path_factory.mktemp("installation")) as installation:
        api = f"{installation.url}/api/v1"
        deposit = json.dumps({"amount_cents": LARGEST_CENTS // 10}).encode()
        headers = {"Content-Type": "application/json"}
        asked = urllib.request.Request(f"{api}/accounts/{RICH}/deposits", deposit, headers)  # noqa: S310  the loopback
        urllib.request.urlopen(asked, timeout=LONGEST).close()  # noqa: S310
        yield api


def validate(case: schemathesis.Case[Any], url: str) -> schemathesis.Response:
    """Send the request, and look whether the answer, each line of a batch's included, is as the document says."""
    is_batch = case.operation.path == "/batch"
    unasked = [*UNASKED, negative_data_rejection] if is_batch else UNASKED  # a batch's lines are refused one by one
    answer = case.call_and_validate(base_url=url, excluded_checks=unasked, timeout=LONGEST)
    if is_batch and answer.status_code == 200:
        for line in answer.content.splitlines():
            LINE.validate(json.loads(line))
            assert json.loads(line)["status"] < 500
    return answer


@described(schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE).parametrize()
@settings(quick, max_examples=25)
def test_every_answer_is_as_the_document_says(url: str, case: schemathesis.Case[Any]) -> None:
    """No 5xx, no status, header or body but as described; what is not of the schema is refused, as is every method."""
    validate(case, url)


@described(schemathesis.GenerationMode.POSITIVE).parametrize()
@settings(quick, max_examples=10)
def test_answers_to_a_rich_user_are_as_the_document_says(url: str, case: schemathesis.Case[Any]) -> None:
    """Also where the account exists, and there is enough to buy with."""
    if "user" in case.path_parameters:
        case.path_parameters["user"] = RICH
    validate(case, url)
