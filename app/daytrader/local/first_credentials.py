"""The first admin's password and the first broker's token of an installation on this machine, in files of its own."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from daytrader.auth.token import new_text
from daytrader.local.secret import write_private


@dataclass(frozen=True)
class FirstCredentials:
    """The two files; only their owner can read them."""

    admin_password: Path
    broker_token: Path

    @classmethod
    def kept(cls, directory: Path) -> "FirstCredentials":
        """Return those of the installation in `directory`, made at random at the first call."""
        found = cls(directory / "admin-password", directory / "broker-token")
        for path, new in ((found.admin_password, secrets.token_urlsafe(18)), (found.broker_token, new_text())):
            if not path.exists():
                write_private(path, f"{new}\n")
        return found

    @property
    def settings(self) -> Mapping[str, str]:
        """What the services are told, as environment variables."""
        return {
            "DAYTRADER_AUTH_MODE": "required",
            "DAYTRADER_AUTH_ADMIN_PASSWORD_FILE": str(self.admin_password.absolute()),
            "DAYTRADER_AUTH_BROKER_TOKEN_FILE": str(self.broker_token.absolute()),
        }

    def words(self, url: str) -> str:
        """Where they are, for a person who has just started it at `url`."""
        return (
            f"people sign up at {url}/sign-up; the password of admin is in {self.admin_password}\n"
            f"every program needs a bearer token; a broker's is in {self.broker_token} (clients take it from "
            "DAYTRADER_TOKEN_FILE); an admin's is made by `daytrader token create NAME --role admin`"
        )
