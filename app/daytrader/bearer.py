"""The bearer token that a client shows: a text, or a file that is read again because it may be renewed."""

from pathlib import Path
from typing import Final

import msgspec


class BearerError(OSError):
    """There is no token where one should be, or none that can be shown; the text says which."""


class Bearer(msgspec.Struct, frozen=True):
    """Where the token is; the file goes before the text, and where there is neither, none is shown."""

    text: str = ""
    file: Path | None = None

    def token(self) -> str:
        """Return the token as it is now; empty: none.

        Raises OSError: the file cannot be read, or (BearerError) what it holds is none or no header can carry it.
        """
        token = self.text if self.file is None else self.file.read_text(encoding="utf-8").strip()
        if self.file is not None and not token:
            raise BearerError(f"{self.file} is empty: it should hold a bearer token")
        if not (token.isascii() and (token.isprintable() or not token)):
            raise BearerError("the token has characters that an HTTP header cannot carry: give printable ASCII")
        return token

    def headers(self) -> dict[str, str]:
        """Return the headers that show it now. Raises as `token` does."""
        token = self.token()
        return {"Authorization": f"Bearer {token}"} if token else {}


NO_BEARER: Final = Bearer()
