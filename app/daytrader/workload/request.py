"""Commands as HTTP requests, in the form that the original's load generator gave them.

POST for everything except GET for QUOTE, CANCEL_SET_BUY and CANCEL_SET_SELL; the parameters stand in the query.
"""

import re
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote_from_bytes, urlsplit

import msgspec

from daytrader.domain.command import AMOUNT_COMMANDS, COMMAND_NAMES, SYMBOL_COMMANDS
from daytrader.tls import client_context

_GET_COMMANDS: Final = frozenset({"QUOTE", "CANCEL_SET_BUY", "CANCEL_SET_SELL"})


class Form(msgspec.Struct, frozen=True):
    """One form of a command: its name and the query parameters that its arguments become, in the line's order."""

    name: str
    parameters: tuple[str, ...]

    @property
    def has_user(self) -> bool:
        """Whether the first argument is the user."""
        return self.parameters[0] == "userid"


def _forms_of(name: str) -> list[Form]:
    if name == "DUMPLOG":
        return [Form(name, ("userid", "filename")), Form(name, ("filename",))]
    symbol = ("stockSymbol",) if name in SYMBOL_COMMANDS else ()
    amount = ("amount",) if name in AMOUNT_COMMANDS else ()
    return [Form(name, ("userid", *symbol, *amount))]


FORMS: Final[tuple[Form, ...]] = tuple(form for name in COMMAND_NAMES for form in _forms_of(name))
"""The seventeen forms; a form's place in this tuple is its code wherever the generator must be quick."""

CODES: Final = {(form.name.encode(), len(form.parameters)): code for code, form in enumerate(FORMS)}
DUMP_CODES: Final = frozenset(code for code, form in enumerate(FORMS) if form.name == "DUMPLOG")

# What may stand in a query as it is; a comma only ever separates arguments.
_is_plain = re.compile(rb"[A-Za-z0-9._~/,-]*").fullmatch


class Endpoint(msgspec.Struct, frozen=True):
    """Where the web service is."""

    host: str
    port: int
    tls: bool
    authority: str
    """HOST:PORT as the Host header says it."""
    prefix: str
    """What goes before `/command/...` in the path, without a slash at its end."""
    ca: Path | None = None
    """PEM file of the CA by which the server is verified; None: the system's CAs."""

    @classmethod
    def parse(cls, url: str, ca: Path | None = None) -> "Endpoint":
        """Take `url` apart. Raises ValueError when it is no http or https URL."""
        parts = urlsplit(url)
        sound = url.isascii() and url.isprintable() and " " not in url
        if not sound or parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{url!r} is no URL of a web service: give one like http://127.0.0.1:8080")
        tls = parts.scheme == "https"
        authority = parts.netloc.rpartition("@")[2]
        return cls(parts.hostname, parts.port or (443 if tls else 80), tls, authority, parts.path.rstrip("/"), ca)

    def tls_context(self) -> ssl.SSLContext | None:
        """The context for connections, None where they are not encrypted. Raises TlsFileError for a useless CA file."""
        return client_context(self.ca) if self.tls else None


class RequestBuilder:
    """Makes the bytes of requests to one endpoint from one template a form."""

    def __init__(self, endpoint: Endpoint, keys: str | None = None, token: str = "") -> None:
        """Prepare the templates.

        `keys`: every request carries an Idempotency-Key, which is this text, a dash and the line number; None: no key.
        `token`: the bearer token of the Authorization header; empty: no such header.
        """
        self._endpoint = endpoint
        self._keys = keys
        self._token = token
        self._templates = self._with(token)

    def show(self, token: str) -> None:
        """Show this token from the next request on."""
        if token != self._token:
            self._token = token
            self._templates = self._with(token)

    def _with(self, token: str) -> list[bytes]:
        headers = [f"Host: {self._endpoint.authority}"]
        if token:
            headers.append(f"Authorization: Bearer {token}")
        return [_template(form, self._endpoint.prefix, headers, self._keys) for form in FORMS]

    def key(self, line: int) -> str | None:
        """The Idempotency-Key of the command that stands in this line of the file."""
        return None if self._keys is None else f"{self._keys}-{line}"

    def build(self, code: int, arguments: bytes, line: int) -> bytes:
        """The request of form `code`; `arguments` are the line's, as many as the form has, separated by commas."""
        values: Sequence[bytes] = arguments.split(b",")
        if _is_plain(arguments) is None:
            values = [quote_from_bytes(value, safe="").encode() for value in values]
        if self._keys is None:
            return self._templates[code] % tuple(values)
        return self._templates[code] % (*values, line)


def _template(form: Form, prefix: str, headers: list[str], keys: str | None) -> bytes:
    method = "GET" if form.name in _GET_COMMANDS else "POST"
    lines = [*headers, "Content-Length: 0"] if method == "POST" else list(headers)
    path = f"{prefix}/command/{form.name}"
    fixed = "".join(f"{line}\r\n" for line in lines).replace("%", "%%")
    query = "&".join(f"{parameter}=%b" for parameter in form.parameters)
    key = "" if keys is None else f"Idempotency-Key: {keys}-%d\r\n"
    return f"{method} {path.replace('%', '%%')}?{query} HTTP/1.1\r\n{fixed}{key}\r\n".encode()
