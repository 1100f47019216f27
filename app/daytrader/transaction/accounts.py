"""The accounts of one partition that are in memory: a few unpacked, many packed, the rest in the store."""

from typing import Final
from zlib import crc32

import msgspec

from daytrader.domain.account import Account, Recent
from daytrader.journal.port import StoredAccount

COMMAND_BYTES: Final = 500
"""About what an unpacked account takes for each command that it remembers: six times as much as packed."""

UNPACKED_BYTES: Final = 1_000
"""About what it takes besides, its name and its places in the dictionaries included."""

PACKED_BYTES: Final = 300
"""About what a packed account takes besides its packed state."""

NOBODY: Final = b""
"""A user who is known not to exist."""

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Account).decode


def _print(request: str) -> bytes:
    """Return a fingerprint of a request id: four bytes instead of an object somewhere in memory."""
    return crc32(request.encode()).to_bytes(4, "big")


def _later(prints: bytes, before: tuple[Recent, ...], after: tuple[Recent, ...]) -> bytes | None:
    """Return the fingerprints one command later, None where it is more than one."""
    if after is before:
        return prints
    if before[-1:] != after[-2:-1]:
        return None
    return (prints + _print(after[-1].request))[-4 * len(after) :]


def armed_of(account: Account) -> tuple[tuple[str, bool, int], ...]:
    """Return the armed triggers of `account`: symbol, whether it sells, price in cents."""
    return tuple(
        (symbol, sells, trigger.price)
        for sells, triggers in ((False, account.buy_triggers), (True, account.sell_triggers))
        for symbol, trigger in triggers.items()
        if trigger.price
    )


class Accounts:
    """Durable accounts by user, least recently used first. What was never durable is not in here.

    An account that is not in memory is in the store with all that happened to it, or does not exist.
    """

    def __init__(self, bytes_limit: int) -> None:
        """About so many bytes may be taken, half of them at the most by unpacked accounts."""
        self._hot: dict[str, Account | None] = {}
        self._remembered = 0
        """How many commands the unpacked accounts remember."""
        self._packed: dict[str, bytes] = {}
        self._packed_bytes = 0
        self._places: dict[str, int] = {}
        self._dirty: dict[str, None] = {}
        self._prints: dict[str, bytes | None] = {}
        """The fingerprints of the request ids that an unpacked account remembers, made at the second question: just
        after it was unpacked, searching it once is cheaper.
        """
        self._bytes_limit = bytes_limit

    def __len__(self) -> int:
        return len(self._hot) + len(self._packed)

    def __contains__(self, user: str) -> bool:
        return user in self._hot or user in self._packed

    @property
    def bytes(self) -> int:
        """About how many bytes all of them take."""
        return self._hot_bytes + self._packed_bytes + PACKED_BYTES * len(self._packed)

    @property
    def _hot_bytes(self) -> int:
        return COMMAND_BYTES * self._remembered + UNPACKED_BYTES * len(self._hot)

    def get(self, user: str) -> Account | None:
        """Return the account, None where it is known not to exist.

        Raises:
            KeyError: it is not in memory; load it.
        """
        hot = self._hot
        if user in hot:
            hot[user] = account = hot.pop(user)
            return account
        packed = self._packed.pop(user)
        self._packed_bytes -= len(packed)
        account = _unpack(packed) if packed else None
        self._keep(user, account)
        return account

    def peek(self, user: str) -> Account | None:
        """Return the account as `get` does, and leave it where it is: for one that is about to be `put`."""
        hot = self._hot
        if user in hot:
            return hot[user]
        packed = self._packed[user]
        return _unpack(packed) if packed else None

    def _keep(self, user: str, account: Account | None) -> None:
        """Keep an account unpacked; the least recently used are packed where it gets too much."""
        hot = self._hot
        hot[user] = account
        if account is not None:
            self._remembered += len(account.recent)
        while len(hot) > 1 and 2 * self._hot_bytes > self._bytes_limit:
            oldest = next(iter(hot))
            self._pack(oldest, hot.pop(oldest))

    def _pack(self, user: str, account: Account | None) -> None:
        packed = NOBODY
        if account is not None:
            self._remembered -= len(account.recent)
            packed = _pack(account)
        self._prints.pop(user, None)
        self._packed[user] = packed
        self._packed_bytes += len(packed)

    def place(self, user: str) -> int:
        """Return the last entry that the account in memory includes."""
        return self._places.get(user, 0)

    def may_remember(self, user: str, request: str) -> bool:
        """Whether the account may remember a request id: "no" is sure, and costs no search through the account.

        Raises:
            KeyError: the account is not in memory.
        """
        prints = self._prints.get(user)
        if prints is None:
            account = self.get(user)
            if user not in self._prints:
                self._prints[user] = None
                return True
            prints = b"" if account is None else b"".join([_print(recent.request) for recent in account.recent])
            self._prints[user] = prints
        return _print(request) in prints

    def put(self, user: str, account: Account, place: int) -> None:
        """Take the account as it is after entry `place`."""
        hot = self._hot
        if user in hot:
            before = hot.pop(user)
            if before is not None:
                self._remembered -= len(before.recent)
            prints = self._prints.get(user)
            if prints is not None:
                self._prints[user] = _later(prints, () if before is None else before.recent, account.recent)
        else:
            packed = self._packed.pop(user, None)
            if packed is not None:
                self._packed_bytes -= len(packed)
        self._keep(user, account)
        self._places[user] = place
        self._dirty[user] = None

    def loaded(self, user: str, stored: StoredAccount | None) -> None:
        """Take an account as the store has it; None where the store has none."""
        if user in self:
            return
        packed = NOBODY if stored is None else stored.state
        self._packed[user] = packed
        self._packed_bytes += len(packed)
        if stored is not None:
            self._places[user] = stored.place

    def changed(self) -> list[str]:
        """Return the users whose accounts have changed since they were stored."""
        return list(self._dirty)

    def stored(self, accounts: list[StoredAccount]) -> None:
        """Say that these are stored durably; one that has changed again since stays dirty."""
        for account in accounts:
            if self._places.get(account.user) == account.place:
                self._dirty.pop(account.user, None)

    def excess(self, limit: int) -> list[str]:
        """Return up to `limit` least recently used users that must leave for memory to stay within its limit."""
        over = self.bytes - self._bytes_limit
        users: list[str] = []
        for user, packed in self._packed.items():
            if over <= 0 or len(users) >= limit:
                break
            users.append(user)
            over -= len(packed) + PACKED_BYTES
        return users

    def to_store(self, users: list[str]) -> list[StoredAccount]:
        """Return those of `users` that have changed since they were stored."""
        return [self._to_store(user) for user in users if user in self._dirty]

    def evict(self, users: list[str]) -> None:
        """Let go of `users`; one that has changed since it was stored, or is in use again, stays."""
        for user in users:
            if user in self._packed and user not in self._dirty:
                self._packed_bytes -= len(self._packed.pop(user))
                self._places.pop(user, None)

    def _to_store(self, user: str) -> StoredAccount:
        account = self._hot.get(user)
        if account is not None:
            packed = _pack(account)
        else:
            packed = self._packed[user]
            account = _unpack(packed)
        return StoredAccount(user, self._places[user], packed, armed_of(account))
