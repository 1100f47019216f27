"""A first trade with a system that has just come up: one user buys a share or more, and the log must tell of it."""

import asyncio
import secrets
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import aiohttp
import msgspec
from lxml import etree

from daytrader.bearer import NO_BEARER, Bearer
from daytrader.tls import client_context
from daytrader.workload.verify.balances import Summary, differences
from daytrader.workload.verify.verification import verify_log

SYMBOL: Final = "DOG"
FUNDS: Final = "10000.00"
SPENT: Final = "5000.00"
"""More than a quote may be, so that it buys at least one share."""

AGAIN_EVERY: Final = 1.0
"""Seconds between two tries of a command that is not answered, or answered 429 or 503."""

LIMIT: Final = 30.0
"""Seconds after which a command that is not answered has failed."""

_decode: Final = msgspec.json.Decoder(Summary).decode


class SmokeError(Exception):
    """The system does not trade as it should; the text says what it does."""


class Smoke:
    """One trade by a user who has not been there before."""

    def __init__(self, url: str, ca: Path | None, say: Callable[[str], None], bearer: Bearer = NO_BEARER) -> None:
        """Trade at `url`, showing the token of `bearer`, a broker's.

        Its certificate is verified by the file `ca`, None: the system's CAs. Raises TlsFileError.
        """
        self.user = f"smoke{secrets.token_hex(6)}"
        self._url = url.rstrip("/")
        self._tls = client_context(ca)
        self._say = say
        self._bearer = bearer
        self._sent: list[str] = []

    async def run(self) -> None:
        """Trade, read the log, and check it by its schema and by the rules. Raises SmokeError."""
        timeout = aiohttp.ClientTimeout(total=10)
        connector = aiohttp.TCPConnector(ssl=self._tls)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            await self._command(session, "ADD", amount=FUNDS)
            await self._command(session, "QUOTE", stockSymbol=SYMBOL)
            await self._command(session, "BUY", stockSymbol=SYMBOL, amount=SPENT)
            await self._command(session, "COMMIT_BUY")
            body = await self._command(session, "DISPLAY_SUMMARY")
            try:
                shown = _decode(body)
            except msgspec.MsgspecError as error:
                raise SmokeError(f"the summary is none ({error}): {body[:200]!r}") from error
            if not shown.investments:
                raise SmokeError(f"COMMIT_BUY was accepted, and {self.user} has no share of {SYMBOL}")
            log = await self._command(session, "DUMPLOG", filename="smoke")
        await asyncio.to_thread(self._check, log, shown)

    async def _command(self, session: aiohttp.ClientSession, name: str, **fields: str) -> bytes:
        """Send a command until it is answered, with one key; return the body of the answer."""
        began = time.monotonic()
        key = secrets.token_hex(16)
        trouble = ""
        while time.monotonic() - began < LIMIT:
            try:
                async with session.post(
                    f"{self._url}/command/{name}",
                    params={"userid": self.user, **fields},
                    headers={"Idempotency-Key": key, **self._bearer.headers()},
                ) as answer:
                    body = await answer.read()
                    if answer.status == 200:
                        self._sent.append(name)
                        self._say(f"{name}: {1000 * (time.monotonic() - began):.0f} ms")
                        return body
                    trouble = f"answered {answer.status}: {body[:200].decode(errors='replace')}"
                    if answer.status not in {429, 503}:
                        break
            except aiohttp.InvalidURL as error:
                raise SmokeError(f"{self._url!r} is no URL of a web service: give one like http://web:8080") from error
            except (aiohttp.ClientError, OSError) as error:
                trouble = f"not answered: {str(error) or type(error).__name__}"
            await asyncio.sleep(AGAIN_EVERY)
        raise SmokeError(f"{name} at {self._url} was {trouble}")

    def _check(self, log: bytes, shown: Summary) -> None:
        with tempfile.TemporaryDirectory(prefix="daytrader-smoke-") as directory:
            file = Path(directory) / "log.xml"
            file.write_bytes(log)
            replay, findings = verify_log(file)
        if not findings.clean:
            raise SmokeError("the log is wrong: " + "; ".join(violation.text for violation in findings.named))
        told = [command.text for command in etree.fromstring(log).iterfind("userCommand/command")]
        if told != self._sent:
            raise SmokeError(f"the log tells of {told}; what was accepted is {self._sent}")
        account = replay.users[self.user].account
        if account is None:
            raise SmokeError(f"the log does not lead to an account of {self.user}")
        for difference in differences(account, shown):
            raise SmokeError(f"{self.user} has {difference}")
        self._say(f"the log holds all of it: {len(log)} bytes, valid, and the balance follows from it")
