"""Asking a running system for the balances of its users, and comparing them with those that a log leads to."""

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import aiohttp
import msgspec

from daytrader.bearer import NO_BEARER, Bearer
from daytrader.domain.account import Account
from daytrader.domain.command import Command
from daytrader.tls import client_context
from daytrader.workload.verify.balances import Summary, compare, differences
from daytrader.workload.verify.findings import Findings
from daytrader.workload.verify.log import transactions
from daytrader.workload.verify.replay import Replay
from daytrader.workload.verify.told import Told

_AT_ONCE: Final = 32
"""So many users are asked for at the same time."""
_TRIES: Final = 10
_PAUSE: Final = 1.0
"""Seconds before a question that found the system busy is put again."""
_ANSWER_WITHIN: Final = aiohttp.ClientTimeout(total=60)
_LOOKED_AT_AGAIN: Final = 200
"""Of so many users at most the log is asked for anew, where their balance is not the one expected."""

_decode = msgspec.json.Decoder(Summary).decode


class AskingError(Exception):
    """The system does not answer as it should; the text says what it does."""


class Asking:
    """Compares the balances of a running system. Each question is a DISPLAY_SUMMARY in the system's own log."""

    def __init__(
        self,
        url: str,
        replay: Replay,
        findings: Findings,
        ca: Path | None = None,
        bearer: Bearer = NO_BEARER,
    ) -> None:
        """`ca` is the PEM file of the CA by which the server of an https URL is verified; None: the system's CAs.
        `bearer` is the token to show, a broker's.

        Raises TlsFileError where that is no use.
        """
        self._tls = client_context(ca) if url.startswith("https:") else True
        self._url = url.rstrip("/")
        self._bearer = bearer
        self._replay = replay
        self._findings = findings
        self._looks = 0

    async def compare(self, asked: Callable[[], None]) -> None:
        """Ask for every user and compare; `asked` is told of each. Raises AskingError."""
        names = iter([name for name, user in self._replay.users.items() if user.account is not None and user.sound])
        connector = aiohttp.TCPConnector(limit=_AT_ONCE, ssl=self._tls)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, timeout=_ANSWER_WITHIN) as session,
                asyncio.TaskGroup() as group,
            ):
                for _ in range(_AT_ONCE):
                    group.create_task(self._ask_for(names, session, asked))
        except* AskingError as group_error:
            raise group_error.exceptions[0] from None

    async def _ask_for(self, names: Iterator[str], session: aiohttp.ClientSession, asked: Callable[[], None]) -> None:
        for name in names:
            body = await self._answer(session, "DISPLAY_SUMMARY", {"userid": name})
            try:
                shown = _decode(body)
            except msgspec.MsgspecError as error:
                raise AskingError(f"the summary of {name} is none ({error}): {body[:200]!r}") from error
            account = self._replay.users[name].account
            if account is not None and differences(account, shown) and self._looks < _LOOKED_AT_AGAIN:
                self._looks += 1
                self._look_again(name, shown, await self._answer(session, "DUMPLOG", {"userid": name, "filename": "v"}))
            else:
                compare(name, shown, self._replay, self._findings)
            asked()

    async def _answer(self, session: aiohttp.ClientSession, command: str, parameters: dict[str, str]) -> bytes:
        trouble = ""
        for _ in range(_TRIES):
            try:
                async with session.get(
                    f"{self._url}/command/{command}", params=parameters, headers=self._bearer.headers()
                ) as response:
                    body = await response.read()
                    if response.status == 200:
                        return body
                    trouble = f"answered {response.status} {body[:200].decode(errors='replace')}"
                    if response.status not in {429, 503}:
                        break
            except (aiohttp.ClientError, OSError) as error:
                trouble = str(error) or "did not answer in time"
            await asyncio.sleep(_PAUSE)
        raise AskingError(f"{self._url}: {command} of {parameters['userid']}: {trouble}")

    def _look_again(self, name: str, shown: Summary, dump: bytes) -> None:
        """Compare at the very place where the summary was asked for: a trigger may have fired since the log ended.

        The user's log of now must lead over the account that the verified log ends with.
        """
        user = self._replay.users[name]
        self._findings.checked["users looked at again"] += 1
        again = Findings()
        asked: Account | None = None
        at_end: Account | None = None

        def see(command: Command, _told: Told) -> None:
            nonlocal asked
            if command.name == "DISPLAY_SUMMARY":
                asked = replay.users[name].account

        replay = Replay(again, see)
        with tempfile.NamedTemporaryFile() as file:
            file.write(dump)
            file.flush()
            for transaction in transactions(Path(file.name), again, lambda _: None):
                replay.take(transaction)
                if transaction.number <= user.number and name in replay.users:
                    at_end = replay.users[name].account
        for violation in again.named:
            self._findings.violation(violation.kind, f"in the log of {name} as it is now: {violation.text}")
        if at_end != user.account:
            self._findings.violation("balance", f"{name}: the system's own log leads elsewhere than this one")
        elif asked is None:
            self._findings.violation("balance", f"{name}: the system's own log does not tell of our DISPLAY_SUMMARY")
        else:
            self._findings.checked["balances compared"] += 1
            for difference in differences(asked, shown):
                self._findings.violation("balance", f"{name} has {difference}")
