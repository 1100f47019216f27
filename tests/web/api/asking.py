"""A client of the API for its tests."""

import json
from typing import Any

from tests.web.client import Answer, exchange, get

JSON = "Content-Type: application/json"


async def ask(port: int, method: str, path: str, document: object = None, *headers: str) -> Answer:
    """Send one request to a path below /api/v1, with a JSON document where one is given."""
    body = b"" if document is None else json.dumps(document).encode()
    if document is not None:
        headers = (JSON, *headers)
    return await exchange(port, get(f"/api/v1{path}", *headers, method=method, body=body))


def said(answer: Answer, status: int = 200) -> Any:
    """Return what an answer says, which must have this status and be JSON."""
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/json"
    return json.loads(answer.body)


def problem(answer: Answer, status: int) -> Any:
    """Return the problem that an answer tells of, which must have this status and be of the right form."""
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json"
    told = json.loads(answer.body)
    assert told["status"] == status
    assert told["type"] == f"/api/v1/problems/{told['code']}"
    assert told["title"]
    assert told["detail"]
    return told
