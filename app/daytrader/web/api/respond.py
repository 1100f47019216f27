"""How the API's answers go out."""

from typing import Final

import msgspec
from starlette.types import Send

from daytrader.web.api import problems
from daytrader.web.api.problems import Problem, ProblemError
from daytrader.web.parameters import UnreadableError

Header = tuple[bytes, bytes]

_JSON: Final[Header] = (b"content-type", b"application/json")
_PROBLEM: Final[Header] = (b"content-type", problems.MEDIA_TYPE.encode())
_FIXED: Final[tuple[Header, ...]] = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))
_RETRY: Final[Header] = (b"retry-after", b"1")

encode: Final = msgspec.json.Encoder().encode


async def send_json(send: Send, status: int, document: object, request_id: str = "") -> None:
    """Answer `document`; `request_id` goes into the header X-Request-ID."""
    await _send(send, status, encode(document), [_JSON], request_id)


async def send_problem(send: Send, problem: Problem, *headers: Header) -> None:
    """Answer a problem; 429 and 503 say when to come again."""
    more = [_PROBLEM, *headers]
    if problem.status in (429, 503):
        more.append(_RETRY)
    await _send(send, problem.status, encode(problem), more, problem.request_id or "")


async def refuse(send: Send, error: ProblemError | UnreadableError) -> None:
    """Answer the problem that `error` tells of."""
    challenge = error.challenge if isinstance(error, ProblemError) else ""
    await send_problem(send, problem_of(error), *([(b"www-authenticate", challenge.encode())] if challenge else []))


def problem_of(error: ProblemError | UnreadableError) -> Problem:
    """Return the problem that `error` tells of."""
    if isinstance(error, ProblemError):
        return problems.problem(error.kind, error.detail)
    return problems.problem(problems.OF_STATUS[error.status], error.text)


async def _send(send: Send, status: int, body: bytes, headers: list[Header], request_id: str) -> None:
    headers += [(b"content-length", b"%d" % len(body)), *_FIXED]
    if request_id:
        headers.append((b"x-request-id", request_id.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
