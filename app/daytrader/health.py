"""How well a part is, in words: what `/health` and `daytrader status` show."""

import os

import msgspec


class Part(msgspec.Struct, frozen=True):
    """One part of the installation as somebody who depends on it sees it."""

    name: str
    """For example "transaction 127.0.0.1:8001", "data set member 127.0.0.1:27017", "redis"."""
    ok: bool
    says: str
    """One sentence: what it does, or what is wrong with it and what that means for users."""


def reason(error: BaseException) -> str:
    """Return why a part could not be reached, in the system's words where it has any: "Connection refused"."""
    number = error.errno if isinstance(error, OSError) else None
    return os.strerror(number) if number else str(error) or type(error).__name__
