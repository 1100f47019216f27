"""What schemathesis has to be told of this API: what a batch's body is made of, and how its answer is checked."""

import json
from typing import Any

import schemathesis
from jsonschema import Draft202012Validator

from daytrader.web.api.batch_line import NDJSON

BATCH = "/batch"


@schemathesis.hook
def before_load_schema(_: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    """Let a batch's body be the list of lines that it is, for requests to be made of it."""
    body = raw_schema["paths"][BATCH]["post"]["requestBody"]["content"][NDJSON]
    body["schema"] = {"type": "array", "items": body.pop("x-line"), "maxItems": 20}
    del body["example"]


@schemathesis.serializer(NDJSON)
def lines(_: schemathesis.SerializationContext, value: Any) -> bytes:
    """Return the body of the lines that were generated; what is no list of them is sent as one."""
    documents = value if isinstance(value, list) else [value]
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


@schemathesis.check
def batch_lines_conformance(
    _: schemathesis.CheckContext, answer: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    """Each line of the answer to a batch is as the document says, and none tells of a failure of the server."""
    if case.operation.path != BATCH or answer.status_code != 200:
        return
    components = case.operation.schema.raw_schema["components"]
    line = Draft202012Validator({"$ref": "#/components/schemas/BatchAnswer", "components": components})
    for text in answer.content.splitlines():
        told = json.loads(text)
        wrong = [error.message for error in line.iter_errors(told)]
        assert not wrong, wrong
        assert told["status"] < 500, told
