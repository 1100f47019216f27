"""The OpenAPI 3.1 document, made of the table of operations and of the types that they take and answer."""

import re
from typing import Final

import msgspec

from daytrader.web.api import problems
from daytrader.web.api.account_events import AccountEvent, QuoteEvent
from daytrader.web.api.batch import PATH
from daytrader.web.api.batch_line import NDJSON, BatchAnswer, BatchLine
from daytrader.web.api.bodies import SYMBOL_SCHEMA, USER_SCHEMA
from daytrader.web.api.lines import LARGEST_BATCH, MOST_LINES
from daytrader.web.api.operations import LOGS, OF_COMMAND, OPERATIONS, PREFIX, LogOperation, Operation
from daytrader.web.api.problems import KINDS, TYPES, Kind, Problem
from daytrader.web.api.streams import ACCOUNT_PATH, MOST_SYMBOLS, QUOTES_PATH
from daytrader.web.idempotency import LONGEST_KEY
from daytrader.web.sse import MEDIA_TYPE

Json = dict[str, object]

_TITLE: Final = "daytrader"
_SAYS: Final = (
    "Trades in the name of users. Money is whole cents, in requests and in answers; shares are whole; times are "
    "milliseconds since the epoch. A command is durable when it is answered. Sent again with the same Idempotency-Key "
    "by the same user, it gets its first answer and changes nothing. Whatever is not done is told as a problem "
    "(RFC 9457), whose `code` is for programs and whose `detail` is for people."
)

_REF: Final = "#/components/schemas/{name}"

_PARAMETERS: Final[dict[str, Json]] = {
    "user": {"name": "user", "in": "path", "required": True, "schema": {"type": "string", **USER_SCHEMA}},
    "symbol": {"name": "symbol", "in": "path", "required": True, "schema": {"type": "string", **SYMBOL_SCHEMA}},
    "code": {"name": "code", "in": "path", "required": True, "schema": {"type": "string", "enum": sorted(KINDS)}},
}
_KEY: Final[Json] = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Your own name for this command: sent again under it, it takes effect once.",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": "^[!-~]([ -~]*[!-~])?$"},
}
_LAST_EVENT: Final[Json] = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "The id of the last event that was read (also `?last_event_id=`): the stream goes on after it.",
    "schema": {"type": "string", "pattern": "^[0-9]{1,6}-[0-9]{1,18}$"},
}
_SYMBOLS: Final[Json] = {
    "name": "symbols",
    "in": "query",
    "required": True,
    "description": f"One to {MOST_SYMBOLS}, separated by commas.",
    "schema": {"type": "string", "pattern": "^[A-Z]{1,3}(,[A-Z]{1,3}){0,99}$"},
}
_ACCOUNT_STREAM: Final = "Be told the account as it is, and then whatever happens to it, at most twice a second."
_QUOTE_STREAM: Final = "Be told the newest quotes as the system learns them; none is bought for it."
_TOKEN: Final[Json] = {
    "type": "http",
    "scheme": "bearer",
    "description": "Needed where the installation says who may do what; elsewhere everybody may do everything.",
}
_REQUEST_ID: Final[Json] = {
    "X-Request-ID": {"description": "By which the log and the system know the command.", "schema": {"type": "string"}}
}
_RETRY_AFTER: Final[Json] = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}

_OF_COMMANDS: Final = (400, 401, 403, 404, 422, 429, 503)
_OF_BODIES: Final = (408, 413, 415)


def document() -> bytes:
    """Return the document as JSON."""
    answers = {one.answer.__name__: one.answer for one in OPERATIONS}
    bodies = {one.body.__name__: one.body for one in OPERATIONS if one.body is not None}
    types = [*bodies.values(), *answers.values(), AccountEvent, QuoteEvent, BatchLine, BatchAnswer, Problem, Kind]
    _, schemas = msgspec.json.schema_components(types, ref_template=_REF)
    schemas["Problem"]["properties"]["code"]["enum"] = sorted(KINDS)
    in_batches = {one.answer.__name__: _ref(one.answer) for one in OF_COMMAND.values()}
    schemas["BatchAnswer"]["properties"]["answer"]["anyOf"] = list(in_batches.values())
    paths: dict[str, Json] = {}
    for one in OPERATIONS:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one)
    for log in LOGS:
        paths[log.path] = {"get": _log(log)}
    paths[ACCOUNT_PATH] = {"get": _stream("accountStream", _ACCOUNT_STREAM, ACCOUNT_PATH, AccountEvent, [_LAST_EVENT])}
    paths[QUOTES_PATH] = {"get": _stream("quoteStream", _QUOTE_STREAM, QUOTES_PATH, QuoteEvent, [_SYMBOLS])}
    paths[PATH] = {"post": _batch()}
    paths[f"{TYPES.removeprefix(PREFIX)}{{code}}"] = {"get": _show_problem()}
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": _TITLE,
                "version": "1",
                "description": _SAYS,
                "license": {"name": "MIT", "identifier": "MIT"},
            },
            "servers": [{"url": PREFIX}],
            "paths": paths,
            "components": {"schemas": schemas, "securitySchemes": {"token": _TOKEN}},
            "security": [{"token": []}, {}],
        }
    )


def _operation(one: Operation) -> Json:
    described = _head(one.id, one.says, one.path)
    statuses = [*_OF_COMMANDS]
    if one.body is not None:
        statuses += _OF_BODIES
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": _ref(one.body)}}}
    success = {
        "description": (one.answer.__doc__ or "").partition("\n")[0],
        "headers": _REQUEST_ID,
        "content": {"application/json": {"schema": _ref(one.answer)}},
    }
    return {**described, "responses": {str(one.status): success, **_problems(*statuses)}}


def _log(one: LogOperation) -> Json:
    success = {"description": "The log.", "content": {"application/xml": {"schema": {"type": "string"}}}}
    return {**_head(one.id, one.says, one.path), "responses": {"200": success, **_problems(*_OF_COMMANDS)}}


def _stream(id_: str, says: str, path: str, kind: type, parameters: list[Json]) -> Json:
    """Return what is said of a stream: the schema of an event stands by itself, as OpenAPI 3.1 has no word for it."""
    success = {
        "description": "Server-sent events, without an end.",
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}, "x-event": _ref(kind)}},
    }
    in_path = [_PARAMETERS[name] for name in re.findall(r"{(\w+)}", path)]
    return {
        "operationId": id_,
        "summary": says,
        "parameters": [*in_path, *parameters],
        "responses": {"200": success, **_problems(400, 401, 403, 404, 429, 503)},
    }


def _batch() -> Json:
    example = BatchLine("ADD", "bob", amount_cents=10_000), BatchLine("QUOTE", "bob", "DOG")
    lines = "".join(f"{msgspec.json.encode(one).decode()}\n" for one in example)
    success = {"description": "A BatchAnswer a line, in the order of the lines.", "content": _lines_of(BatchAnswer)}
    return {
        "operationId": "batch",
        "summary": "Give many commands: those of different users side by side, those of one user one after the other.",
        "requestBody": {
            "description": f"A BatchLine a line; at most {MOST_LINES} lines and {LARGEST_BATCH} bytes.",
            "required": True,
            "content": _lines_of(BatchLine, lines),
        },
        "responses": {"200": success, **_problems(401, 413, 415, 429, 503)},
    }


def _lines_of(kind: type, example: str = "") -> Json:
    """Return the content of lines of `kind`: the schema of one stands by itself, as OpenAPI 3.1 has no word for it."""
    content: Json = {"schema": {"type": "string"}, "x-line": _ref(kind)}
    return {NDJSON: {**content, "example": example} if example else content}


def _show_problem() -> Json:
    success = {
        "description": "What it means.",
        "content": {"application/json": {"schema": _ref(Kind)}},
    }
    return {
        "operationId": "showProblem",
        "summary": "Tell what a kind of problem means, and what to do about it.",
        "parameters": [_PARAMETERS["code"]],
        "responses": {"200": success, **_problems(404)},
    }


def _head(id_: str, says: str, path: str) -> Json:
    parameters = [_PARAMETERS[name] for name in re.findall(r"{(\w+)}", path)]
    return {"operationId": id_, "summary": says, "parameters": [*parameters, _KEY]}


def _problems(*statuses: int) -> dict[str, Json]:
    """Return the answers that tell of problems: those that are to be expected, and whatever else may come."""
    content = {problems.MEDIA_TYPE: {"schema": _ref(Problem)}}
    told: dict[str, Json] = {}
    for status in sorted(statuses):
        codes = ", ".join(f"`{kind.code}`" for kind in KINDS.values() if kind.status == status)
        told[str(status)] = {"description": f"A problem: {codes}.", "content": content}
        if status in (429, 503):
            told[str(status)]["headers"] = _RETRY_AFTER
    return {**told, "default": {"description": "A problem.", "content": content}}


def _ref(kind: type) -> Json:
    return {"$ref": _REF.format(name=kind.__name__)}
