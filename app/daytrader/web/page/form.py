"""The body of a form, bounded in size, in time and in fields."""

import asyncio
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

LARGEST: Final = 16 * 1024
"""Bytes of a form's body."""

MOST_FIELDS: Final = 50

SECONDS: Final = 10.0
"""How long a body may take to come."""

Form = dict[str, str]


class RefusedError(Exception):
    """A request gets this answer, in words, and nothing was done."""

    def __init__(self, status: int, text: str, retry_after: int = 0) -> None:
        """`retry_after` is in seconds; 0: it need not be tried again."""
        super().__init__(text)
        self.status = status
        self.text = text
        self.retry_after = retry_after


async def read_form(request: Request) -> Form:
    """Return the fields of the request's form. Raises RefusedError where that cannot be read."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await _body(request)
    if body and kind != "application/x-www-form-urlencoded":
        raise RefusedError(415, "This has to be sent as a form (application/x-www-form-urlencoded)")
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError:
        raise RefusedError(400, "The form cannot be read") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise RefusedError(400, "The form names a field twice")
    return form


async def _body(request: Request) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > LARGEST:
                    raise RefusedError(413, f"The form is larger than {LARGEST} bytes")
    except TimeoutError:
        raise RefusedError(408, "The form did not come to its end") from None
    except ClientDisconnect:
        raise RefusedError(400, "The form did not come to its end") from None
    return bytes(body)
