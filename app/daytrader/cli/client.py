"""The client behind the trading commands: a request to the JSON API, sent again under its key until it is answered."""

import http.client
import json
import secrets
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final, TypeVar
from urllib.parse import quote

import click
import msgspec

from daytrader.bearer import Bearer
from daytrader.tls import TlsFileError, client_context
from daytrader.web.api.operations import PREFIX
from daytrader.web.api.problems import Problem

ANSWER_SECONDS: Final = 15.0
"""How long one answer may take."""

AGAIN_EVERY: Final = 0.5
"""Seconds between two tries."""

LIMIT: Final = 15.0
"""Seconds after which a command that is answered 429 or 503, or not at all, is given up."""

T = TypeVar("T")

_NEVER_SENT: Final = (ConnectionRefusedError, socket.gaierror, ssl.SSLError)
"""Failures to connect: nothing can have come of the command, and trying again is for whoever sees to it."""


class NotDoneError(click.ClickException):
    """The command was not done, or nobody knows; shown as one sentence, or as the problem that was answered."""

    def __init__(self, message: str, shown: bytes | None = None) -> None:
        super().__init__(message)
        self._shown = shown

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the problem as JSON where that is wanted, else the sentence on standard error."""
        if self._shown is not None:
            click.echo(self._shown)
        else:
            super().show(file)


class Client:
    """Talks to one web service in the name of one user."""

    def __init__(self, url: str, user: str, ca: Path | None, bearer: Bearer, *, as_json: bool, key: str | None) -> None:
        """`as_json` prints what the API says as it is; `key` is the Idempotency-Key, None: a new one."""
        if not url.startswith(("http://", "https://")):
            raise click.BadParameter(f"{url!r} is no HTTP address: give one like http://127.0.0.1:8080")
        self.user = user
        self._url = f"{url.rstrip('/')}{PREFIX}"
        self.as_json = as_json
        self._bearer = bearer
        self._key = key or secrets.token_hex(16)
        try:
            self._tls: ssl.SSLContext | None = client_context(ca) if url.startswith("https://") else None
        except TlsFileError as error:
            raise click.ClickException(str(error)) from error

    def path(self, below: str = "", **parts: str) -> str:
        """Return the path of the user's account, or of what stands `below` it, with `parts` filled in."""
        escaped = {name: quote(text, safe="") for name, text in parts.items()}
        return f"/accounts/{quote(self.user, safe='')}{below.format(**escaped)}"

    def do(self, method: str, path: str, kind: type[T], words: Callable[[T], None], document: object = None) -> None:
        """Send one command and print its answer: `words` prints one of type `kind` for people. Raises NotDoneError."""
        with self.ask(method, path, document) as answer:
            body = answer.read()
        if self.as_json:
            click.echo(body)
            return
        try:
            told = msgspec.json.decode(body, type=kind)
        except msgspec.MsgspecError as error:
            raise NotDoneError(f"{self._url} answers what is none of a trading system ({error})") from error
        words(told)

    def ask(
        self, method: str, path: str, document: object = None, *, seconds: float = ANSWER_SECONDS
    ) -> http.client.HTTPResponse:
        """Return the answer to an accepted command, whose body is still to be read. Raises NotDoneError.

        It counts as broken where nothing comes for so many `seconds`.
        """
        asked = urllib.request.Request(f"{self._url}{path}", method=method, headers=self._bearer.headers())  # noqa: S310  the scheme is checked above
        asked.add_header("Idempotency-Key", self._key)
        if document is not None:
            asked.add_header("Content-Type", "application/json")
            asked.data = json.dumps(document).encode()
        until = time.monotonic() + LIMIT
        unknown = ""  # why nobody knows what came of an earlier try
        while True:
            try:
                answer: http.client.HTTPResponse = urllib.request.urlopen(  # noqa: S310
                    asked, timeout=seconds, context=self._tls
                )
                return answer
            except urllib.error.HTTPError as error:
                with error:
                    failed = self._failed(error)
                if error.code not in (429, 503):
                    raise failed from None
                if time.monotonic() > until:
                    raise (NotDoneError(self._unknown(unknown)) if unknown else failed) from None
            except (OSError, http.client.HTTPException) as error:
                reason = error.reason if isinstance(error, urllib.error.URLError) else error
                if isinstance(reason, _NEVER_SENT) and not unknown:
                    where = self._url.removesuffix(PREFIX)
                    raise NotDoneError(f"nothing answers at {where} ({reason}): is the system up there?") from error
                unknown = unknown or str(reason) or type(reason).__name__
                if time.monotonic() > until:
                    raise NotDoneError(self._unknown(unknown)) from error
            time.sleep(AGAIN_EVERY)

    def _failed(self, error: urllib.error.HTTPError) -> NotDoneError:
        body = error.read()
        try:
            problem = msgspec.json.decode(body, type=Problem)
        except msgspec.MsgspecError:
            return NotDoneError(f"{self._url} answers {error.code}: {body[:200].decode(errors='replace')}")
        words = self._unknown(problem.detail) if problem.code == "outcome-unknown" else problem.detail
        return NotDoneError(words, body if self.as_json else None)

    def _unknown(self, why: str) -> str:
        return f"nobody knows whether it was done ({why}): give the same command again with --key {self._key}"
