"""What a transaction replica tells a web replica of watched accounts and quotes, and what it is asked to watch."""

from collections.abc import Sequence
from typing import Final

import msgspec

from daytrader.domain.account import Account
from daytrader.domain.quote import Quote
from daytrader.domain.record import Record

LARGEST_FRAME: Final = 64 * 1024 * 1024
"""Bytes; a longer one is no frame of ours."""


class Happened(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A durable record of a watched user, and where it stands."""

    n: int
    """The entry of the partition that holds it."""
    number: int
    """Its running number in the partition."""
    record: Record


class Watch(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Asks for everything that happens to a user from now on."""

    sub: int
    """What the answers name it by; never used twice by one asker."""
    user: str
    partition: int
    after: int | None = None
    """Tell also what happened after this entry; None: the account as it is will do."""
    reached: int = 0
    """An entry that the asker knows to be durable: answer nothing older, if it is there at all."""


class Changes(msgspec.Struct, frozen=True, array_like=True):
    """What to watch from now on besides, and what no longer."""

    watch: list[Watch] = []
    unwatch: list[int] = []
    symbols: list[str] | None = None
    """All symbols whose quotes are wanted; None: as before."""


class _Message(msgspec.Struct, frozen=True, array_like=True, gc=False, tag_field="message"):
    pass


class Hello(_Message, frozen=True, tag=0):
    """The first message: the name under which changes are taken."""

    name: str


class State(_Message, frozen=True, tag=1):
    """The first answer to a watch, and again where what happened since cannot be told one by one."""

    sub: int
    n: int
    """The entry after which the account is this."""
    account: Account | None
    """None: there is no such user. Of its commands only the last are in it (`domain.summary.HISTORY`)."""
    after: int | None
    """`happened` is everything after this entry; None: what happened before is not told."""
    happened: list[Happened] = []


class Update(_Message, frozen=True, tag=2):
    """Everything that happened to the user after entry `after`, up to entry `n`."""

    sub: int
    after: int
    n: int
    happened: list[Happened]


class Beat(_Message, frozen=True, tag=3):
    """Comes every second: whatever happened up to these entries has been told, but for the watches that are behind."""

    heads: dict[int, int] = {}
    """Partition -> entry."""
    behind: list[int] = []
    """Watches of which something is still to be told."""


class NewQuotes(_Message, frozen=True, tag=4):
    """The newest quotes of watched symbols, as they became known."""

    quotes: list[Quote]


Message = Hello | State | Update | Beat | NewQuotes

encode_changes: Final = msgspec.msgpack.Encoder().encode
decode_changes: Final = msgspec.msgpack.Decoder(Changes).decode
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(list[Message]).decode


def frame(messages: Sequence[Message]) -> bytes:
    """Return the messages as they go over the wire: four bytes of length, and msgpack."""
    body = _encode(messages)
    return len(body).to_bytes(4, "big") + body


class Frames:
    """Puts frames together out of the pieces in which they arrive."""

    def __init__(self) -> None:
        self._data = bytearray()

    def take(self, piece: bytes) -> list[Message]:
        """Return the messages that are complete with `piece`.

        Raises:
            ValueError: that is no frame of ours.
        """
        data = self._data
        data += piece
        messages: list[Message] = []
        while len(data) >= 4:
            length = int.from_bytes(data[:4], "big")
            if length > LARGEST_FRAME:
                raise ValueError(f"a frame of {length} bytes")
            if len(data) < 4 + length:
                break
            messages += _decode(bytes(data[4 : 4 + length]))
            del data[: 4 + length]
        return messages
