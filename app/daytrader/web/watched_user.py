"""A user that streams of this web replica tell of: the account as it is known, kept up with what happens."""

from collections.abc import Callable
from typing import Final

import msgspec
import structlog

from daytrader.clock import Clock
from daytrader.domain.account import Account
from daytrader.domain.evolve import replay
from daytrader.domain.summary import HISTORY
from daytrader.transaction.feed import Happened, State, Update, Watch
from daytrader.web.account_stream import AccountStream
from daytrader.web.event_id import EventId

_SLACK: Final = 20
"""Commands above `HISTORY` that are kept, so that the older ones need not be cut off each time."""

_log = structlog.get_logger(__name__)


class WatchedUser:
    """One user: many streams, one subscription at the transaction replica that the partition falls to."""

    __slots__ = (
        "_asked",
        "_clock",
        "_left",
        "account",
        "known",
        "live",
        "lost_at",
        "n",
        "partition",
        "streams",
        "sub",
        "user",
    )

    def __init__(self, user: str, partition: int, clock: Clock, left: "Callable[[WatchedUser], None]") -> None:
        """`left(self)` is called when the last stream has left."""
        self.user = user
        self.partition = partition
        self.account: Account | None = None
        self.known = False
        """Whether `account` and `n` are known at all."""
        self.n = 0
        self.streams: dict[AccountStream, None] = {}
        self.sub = 0
        """The newest subscription; what comes under another is out of date."""
        self.live = False
        """Whether that subscription has been answered."""
        self.lost_at = 0.0
        """Since when (loop time in seconds) it has not been; 0 while it is."""
        self._asked: int | None = None
        """After which entry it asks for what happened."""
        self._clock = clock
        self._left = left

    @property
    def id(self) -> EventId:
        """The place up to which everything is known."""
        return EventId(self.partition, self.n)

    def now(self) -> int:
        """Return the time in ms since the epoch."""
        return self._clock()

    def join(self, after: EventId | None) -> tuple[AccountStream, bool]:
        """Return a new stream that goes on after `after`, and whether a new subscription is needed for it."""
        cursor = after.n if after is not None and after.partition == self.partition else None
        stream = AccountStream(self, cursor)
        self.streams[stream] = None
        if self.known and cursor is None:
            stream.start_over()
        elif self.known and cursor == self.n:
            stream.tell(())
        elif not self.known and self.sub and cursor is None:
            return stream, False  # the answer that is on its way does for it
        elif not self.known and self.sub and cursor is not None and self._asked is not None and self._asked <= cursor:
            return stream, False
        else:
            return stream, True
        return stream, False

    def left(self, stream: AccountStream) -> None:
        """Note that a stream is closed."""
        if self.streams.pop(stream, stream) is None and not self.streams:
            self._left(self)

    def watch(self, sub: int, now: float) -> Watch:
        """Return what to ask of a transaction replica, from now on under the name `sub`; `now` is the loop's time."""
        cursors = [stream.after for stream in self.streams if not stream.joined and stream.after is not None]
        if self.known:
            cursors.append(self.n)
        self.sub = sub
        self._asked = min(cursors, default=None)
        self.lose(now)
        return Watch(sub, self.user, self.partition, self._asked, max(cursors, default=0))

    def lose(self, now: float) -> None:
        """Note that what happens is not told any more."""
        if self.live or not self.lost_at:
            self.lost_at = now
        self.live = False

    def state(self, told: State) -> None:
        """Take the account as it is, and what happened since the entry that was asked for."""
        # Whatever happens to an account changes it; only a user that there is not may be refused without a trace.
        unchanged = self.known and told.account is not None and told.account == self.account
        before = self.n
        self.account = told.account
        self.n = told.n
        self.known = self.live = True
        self.lost_at = 0.0
        for stream in self.streams:
            cursor = before if stream.joined else stream.after
            if cursor is not None and told.after is not None and told.after <= cursor <= told.n:
                stream.tell([one for one in told.happened if one.n > cursor])
            elif not (stream.joined and unchanged):
                stream.start_over()

    def update(self, told: Update) -> bool:
        """Take what has happened; returns False where it does not fit to what is known."""
        if not self.live or told.after > self.n:
            return False
        happened = [one for one in told.happened if one.n > self.n]
        try:
            self.account = self._replayed(happened)
        except AssertionError as error:
            _log.error("defect: what happened does not fit to the account", user=self.user, error=str(error))
            return False
        self.reach(told.n)
        for stream in self.streams:
            stream.tell(happened)
        return True

    def _replayed(self, happened: list[Happened]) -> Account | None:
        account = self.account
        for one in happened:
            if one.record.account == self.user:  # else it was refused to a user that there was not
                account = replay(account, one.record)
        if account is not None and len(account.recent) > HISTORY + _SLACK:
            account = msgspec.structs.replace(account, recent=account.recent[-HISTORY:], forgotten=True)
        return account

    def reach(self, n: int) -> None:
        """Note that everything up to entry `n` is known."""
        if self.live:
            self.n = max(self.n, n)
