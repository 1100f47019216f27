"""The parameters of a command: from the query, or from a form in the body."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.formparsers import MultiPartParser
from starlette.types import Receive

LARGEST_BODY: Final = 8 * 1024
"""Bytes; a form with every field at its longest is far below."""

BODY_SECONDS: Final = 10.0
"""How long a body may take to arrive."""

MOST_FIELDS: Final = 64
"""Fields that a multipart form may have."""


class UnreadableError(Exception):
    """The request cannot be read as a command; the status and the text say why."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def of_query(query: bytes) -> dict[str, str]:
    """Return the parameters that stand in a query or an urlencoded form; where one stands twice, the first counts.

    Never raises: what is not UTF-8 becomes U+FFFD.
    """
    text = query.decode(errors="replace")
    if "%" in text or "+" in text:
        pairs = parse_qsl(text, keep_blank_values=True, errors="replace")
        return dict(reversed(pairs))
    found: dict[str, str] = {}
    for pair in text.split("&"):
        name, _, value = pair.partition("=")
        if name not in found:
            found[name] = value
    return found


def has_body(headers: dict[bytes, bytes]) -> bool:
    """Whether a request with these headers (names in lower case) brings a body."""
    return headers.get(b"content-length", b"0") != b"0" or b"transfer-encoding" in headers


async def of_body(headers: dict[bytes, bytes], receive: Receive) -> dict[str, str]:
    """Return the parameters of the form in the body; none where the body is of another type.

    Raises:
        UnreadableError: the body is too large, too slow, broken off, or says that it is a form and is none.
    """
    body = await read_body(headers, receive)
    content_type = headers.get(b"content-type", b"").lower()
    if content_type.startswith(b"application/x-www-form-urlencoded"):
        return of_query(body)
    if content_type.startswith(b"multipart/form-data"):
        return await _of_multipart(headers[b"content-type"], body)
    return {}


async def read_body(headers: dict[bytes, bytes], receive: Receive) -> bytes:
    """Return the body of a request. Raises UnreadableError: it is too large, too slow, or broken off."""
    too_large = UnreadableError(413, f"The body is larger than {LARGEST_BODY} bytes")
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared[:20]) > LARGEST_BODY:
        raise too_large
    body = b""
    more = True
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise UnreadableError(400, "The body broke off")
                body += message.get("body", b"")
                more = message.get("more_body", False)
                if len(body) > LARGEST_BODY:
                    raise too_large
    except TimeoutError:
        raise UnreadableError(408, f"The body did not arrive within {BODY_SECONDS:.0f} s") from None
    return body


async def _of_multipart(content_type: bytes, body: bytes) -> dict[str, str]:
    async def whole() -> AsyncGenerator[bytes, None]:
        yield body

    headers = Headers(raw=[(b"content-type", content_type)])
    try:
        form = await MultiPartParser(headers, whole(), max_files=0, max_fields=MOST_FIELDS).parse()
    except Exception as error:  # whatever a parser makes of hostile bytes, it is not the server's fault
        raise UnreadableError(400, f"The form cannot be read: {_printable(str(error))}") from None
    fields: dict[str, str] = {}
    for name, value in form.multi_items():
        if isinstance(value, str) and name not in fields:
            # Some encodings that a client may name give lone surrogates, which no later part could encode.
            fields[name] = value.encode(errors="replace").decode()
    return fields


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text[:200])
