"""What a form says of a token that is to be made."""

from typing import Final

import msgspec

from daytrader.auth.token import LONGEST_NAME
from daytrader.web.page.form import Form, RefusedError

DAY_MS: Final = 86_400_000

LONGEST_DAYS: Final = 3_650


class NewToken(msgspec.Struct, frozen=True):
    """A token that is to be made."""

    name: str
    days: int

    def expires(self, now: int) -> int:
        """Return when it expires, where it is made now."""
        return now + self.days * DAY_MS


def new_token(form: Form) -> NewToken:
    """Read it. Raises RefusedError where a value cannot be one."""
    name, days = form.get("name", "").strip(), form.get("days", "").strip()
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise RefusedError(422, f"A token's name has 1 to {LONGEST_NAME} printable characters")
    if not (days.isascii() and days.isdigit() and len(days) <= 4 and 0 < int(days) <= LONGEST_DAYS):
        raise RefusedError(422, f"A token is good for 1 to {LONGEST_DAYS} days")
    return NewToken(name, int(days))
