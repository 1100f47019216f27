"""A file that is uploaded by a form: bounded in size and time, kept on disk while it comes."""

import asyncio
from collections.abc import AsyncGenerator
from typing import IO, Final

import msgspec
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from daytrader.web.page.form import RefusedError

MORE_BYTES: Final = 16 * 1024
"""What a form may have beside its file."""

SECONDS: Final = 120.0
"""How long an upload may take."""

MOST_FIELDS: Final = 8
LONGEST_NAME: Final = 100


class Upload(msgspec.Struct, frozen=True):
    """What came."""

    name: str
    """How the sender calls the file, for people to read; never a path of ours."""
    content: IO[bytes]
    """At its beginning; to be closed."""
    csrf: str


async def read_upload(request: Request, largest: int) -> Upload:
    """Return the file in the field `file` of a form. Raises RefusedError: it is none, too large or too slow.

    `largest` is how many bytes it may have.
    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise RefusedError(415, "This has to be sent as a form with a file (multipart/form-data)")
    headers = Headers(raw=[(b"content-type", request.headers["content-type"].encode("latin-1"))])
    bounded = _bounded(request, largest + MORE_BYTES)
    parser = MultiPartParser(headers, bounded, max_files=1, max_fields=MOST_FIELDS, max_part_size=MORE_BYTES)
    try:
        async with asyncio.timeout(SECONDS):
            form = await parser.parse()
    except TimeoutError:
        raise RefusedError(408, f"The file did not arrive within {SECONDS:.0f} s") from None
    except ClientDisconnect:
        raise RefusedError(400, "The upload broke off") from None
    except (MultiPartException, KeyError, ValueError):  # whatever a parser makes of hostile bytes
        raise RefusedError(400, "The form cannot be read") from None
    file, csrf = form.get("file"), form.get("csrf")
    if not isinstance(file, UploadFile) or not file.filename:
        await form.close()
        raise RefusedError(400, "There is no file in the form")
    if (file.size or 0) > largest:
        await form.close()
        raise _too_large(largest)
    name = "".join(one for one in file.filename if one.isprintable())[-LONGEST_NAME:]
    return Upload(name, file.file, csrf if isinstance(csrf, str) else "")


async def _bounded(request: Request, most: int) -> AsyncGenerator[bytes, None]:
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared[:20]) > most:
        raise _too_large(most - MORE_BYTES)
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise _too_large(most - MORE_BYTES)
        yield chunk


def _too_large(largest: int) -> RefusedError:
    return RefusedError(413, f"The file is larger than {largest // 1024 // 1024} MiB")
