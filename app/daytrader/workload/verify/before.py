"""What a running system's log holds before a run: the numbers of all its transactions, and nothing else of it."""

import asyncio
import re
from pathlib import Path
from typing import Final

import aiohttp

from daytrader.bearer import NO_BEARER, Bearer
from daytrader.tls import client_context
from daytrader.workload.verify.asking import AskingError
from daytrader.workload.verify.numbers import NumberSet

MOST_BYTES: Final = 512 * 1024 * 1024
"""A log that is longer before the run began is not read again after it: that takes minutes from about here on."""

_TRIES: Final = 10
_PAUSE: Final = 1.0
"""Seconds before a system that was busy or broke off is asked again."""
_PATIENCE: Final = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60)
_TAG: Final = b"</transactionNum>"
_END: Final = b"</log>"

_find_numbers: Final = re.compile(rb"<transactionNum>([0-9]+)</transactionNum>").findall


class LogTooLargeError(Exception):
    """The log is longer than MOST_BYTES."""


async def numbers_before(
    url: str, ca: Path | None = None, bearer: Bearer = NO_BEARER, most: int = MOST_BYTES
) -> NumberSet:
    """Return the numbers in the log of the system at `url` as it is now; the log itself is kept nowhere.

    Everything that was acknowledged before is among them. `ca` is the PEM file of the CA by which the server of an
    https URL is verified; None: the system's CAs. `bearer` is the token to show, an admin's.

    Raises:
        TlsFileError: the CA's file is no use.
        LogTooLargeError: the log has more than `most` bytes.
        AskingError: the system does not answer a DUMPLOG.
    """
    trouble = ""
    connector = aiohttp.TCPConnector(ssl=client_context(ca) if url.startswith("https:") else True)
    async with aiohttp.ClientSession(connector=connector, timeout=_PATIENCE) as session:
        for _ in range(_TRIES):
            try:
                return await _read(session, url.rstrip("/"), bearer.headers(), most)
            except (aiohttp.ClientError, OSError, _BrokenOffError) as error:
                trouble = str(error) or "it did not answer in time"
            await asyncio.sleep(_PAUSE)
    raise AskingError(f"{url}: DUMPLOG: {trouble}")


class _BrokenOffError(Exception):
    """The log did not come, or not to its end."""


async def _read(session: aiohttp.ClientSession, url: str, headers: dict[str, str], most: int) -> NumberSet:
    numbers = NumberSet()
    size, rest = 0, b""
    parameters = {"filename": "./before"}
    async with session.post(f"{url}/command/DUMPLOG", params=parameters, headers=headers) as answer:
        if answer.status in {401, 403}:
            says = (await answer.read())[:200].decode(errors="replace")
            raise AskingError(f"{url}: DUMPLOG: answered {answer.status} {says}".rstrip())
        if answer.status != 200:
            says = (await answer.read())[:200].decode(errors="replace")
            raise _BrokenOffError(f"answered {answer.status} {says}".rstrip())
        async for chunk in answer.content.iter_any():
            size += len(chunk)
            if size > most:
                raise LogTooLargeError(f"the log has more than {most / 2**20:,.0f} MiB already")
            text = rest + chunk
            for number in _find_numbers(text):
                numbers.add(int(number))
            # What follows the last whole number may hold the beginning of the next.
            rest = text[max(0, text.rfind(_TAG)) :]
    if not rest.rstrip().endswith(_END):
        raise _BrokenOffError("the log broke off")
    return numbers
