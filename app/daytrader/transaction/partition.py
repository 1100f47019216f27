"""One partition at one replica: what is durable, what is speculated on top, and what is on its way to the journal."""

import enum
import secrets
from collections.abc import Callable
from typing import Final, get_args

from daytrader.clock import Clock
from daytrader.domain import refusal
from daytrader.domain.account import STRANGERS, Account
from daytrader.domain.command import Command
from daytrader.domain.decide import decide, needs_quote
from daytrader.domain.event import Event, TriggerEvent
from daytrader.domain.evolve import replay
from daytrader.domain.money import dollars
from daytrader.domain.quote import Hit, Quote
from daytrader.domain.record import Record
from daytrader.domain.summary import summary
from daytrader.journal.entry import Entry, encode_records
from daytrader.journal.port import Position
from daytrader.transaction import window
from daytrader.transaction.accounts import Accounts
from daytrader.transaction.armed import Armed
from daytrader.transaction.message import Reply
from daytrader.transaction.waiting import ACCEPTED, Waiting

LONGEST_ON_THE_WAY: Final = 60.0
"""Seconds for which a command may be on its way to us while another replica decides it."""

SENT_AGAIN_MS: Final = 1_000
"""A command that we get so long after its first sending may have been sent, and decided, a second time before."""

_TRIGGER_EVENTS: Final = frozenset(get_args(TriggerEvent))
"""Looked up instead of `isinstance`, which asks a union's members one after the other, for every record."""


class Need(enum.Enum):
    """What a command waits for before it can be decided."""

    PARTITION = "partition"
    ACCOUNT = "account"
    QUOTE = "quote"


class Decided:
    """A record that is not durable yet, the account as it leaves it, and who waits for it."""

    __slots__ = ("after", "record", "waiting")

    def __init__(self, record: Record, after: Account | None, waiting: Waiting | None) -> None:
        self.record = record
        self.after = after
        self.waiting = waiting


class Flight:
    """An entry on its way into the journal."""

    __slots__ = ("decided", "entry", "retried")

    def __init__(self, entry: Entry, decided: list[Decided]) -> None:
        self.entry = entry
        self.decided = decided
        self.retried = False
        """Whether an earlier try was left unsettled, so that the entry found in its place may be ours."""


class Partition:
    """Decides commands, one after the other, on accounts that are in memory. Does no I/O.

    `head` is the last durable entry. While the partition is not open (`is_open`) nothing is decided.
    """

    def __init__(
        self,
        number: int,
        server: str,
        clock: Clock,
        newest: Callable[[str], Quote | None],
        accounts: Accounts,
        *,
        journal_format: int,
    ) -> None:
        """`server` is the replica's name for the log; its entries are written in `journal_format`."""
        self.number = number
        self.is_open = False
        self.head = Position()
        self.head_known_at = 0.0
        """`boot_seconds` before the append or read was sent that told the head."""
        self.followed_at = -LONGEST_ON_THE_WAY
        """Loop time in seconds at which entries of another replica were followed last."""
        self.accounts = accounts
        self.armed = Armed()
        """The triggers that are armed after `head`, those of accounts that are not in memory included."""
        self.checkpoint = Position()
        self.flight: Flight | None = None
        self.pending: list[Decided] = []
        self._speculated: dict[str, Account] = {}
        self._time = 0
        self._server = server
        self._format = journal_format
        self._clock = clock
        self._newest = newest

    def reset(self, head: Position, accounts: Accounts) -> None:
        """Start from a checkpoint: what was in memory is forgotten."""
        self.head = self.checkpoint = head
        self.accounts = accounts
        self.armed = Armed()

    def now(self) -> int:
        """Return the time of a decision made now: the clock's, but never before the last decision's."""
        self._time = now = max(self._clock(), self._time, self.head.time)
        return now

    def account(self, user: str) -> Account | None:
        """Return the account as speculated; None where there is no such user.

        Raises:
            KeyError: it is not in memory.
        """
        speculated = self._speculated.get(user)
        return self.accounts.get(user) if speculated is None else speculated

    def attempt(self, waiting: Waiting, fresh_orders: bool) -> Need | Reply | None:
        """Decide the command now if nothing is missing.

        Returns what is missing; or an answer that needs no append; or None where it is decided and pending. With
        `fresh_orders` BUY and SELL take no quote but one fetched for them.
        """
        if not self.is_open:
            return Need.PARTITION
        request = waiting.request
        command = request.command
        if command is None:
            self._decided(Record(self.now(), STRANGERS), None, waiting, ACCEPTED)
            return None
        now = self.now()
        again = self._may_be_decided(waiting, now)
        try:
            account = self.account(command.user) if command.user else None
            strangers = self.account(STRANGERS) if account is None or (again and not account.forgotten) else None
        except KeyError:
            return Need.ACCOUNT
        if again:
            known = self._known(waiting, command, account, strangers, now)
            if known is not None:
                return known
        quote = None
        if needs_quote(account, command):
            quote = waiting.quote
            if quote is None and not (fresh_orders and command.name != "QUOTE"):
                quote = self._newest(command.symbol)
            if quote is None or not quote.valid(now):
                if not waiting.no_quote:
                    return Need.QUOTE
                quote = None
        self._decide(waiting, account, command, quote, now)
        return None

    def _may_be_decided(self, waiting: Waiting, now: int) -> bool:
        """Whether it has to be looked up: sent again, or under an id of the client's, or decided while on its way.

        A command that was long on its way to us, or waited here, may have been sent a second time meanwhile, and been
        decided by another replica or by us. Of another's decision we only know once we have followed its entries:
        on older state, the append is refused.
        """
        request = waiting.request
        return (
            request.attempt > 0
            or request.id[0] == "k"
            or waiting.arrived < self.followed_at + LONGEST_ON_THE_WAY
            or abs(now - request.first_sent) >= SENT_AGAIN_MS
        )

    def _known(
        self, waiting: Waiting, command: Command, account: Account | None, strangers: Account | None, now: int
    ) -> Reply | None:
        """Return the answer to a command that was decided before, or of which nobody knows; None: it is to be decided.

        Only durable state is asked: what is speculated is under way here, so that nobody asks for it a second time.
        """
        request = waiting.request
        may_remember = self.accounts.may_remember
        if (account is not None and may_remember(command.user, request.id)) or (
            strangers is not None and may_remember(STRANGERS, request.id)
        ):
            recent = window.find(request, command, account, strangers)
            if recent is not None:
                return window.answer_again(recent, command)
        doubtful = (
            request.attempt > 0 or waiting.arrived < self.followed_at or now - request.first_sent >= SENT_AGAIN_MS
        )
        if doubtful and not window.reaches_back(request, account, strangers):
            return window.OUTCOME_UNKNOWN
        return None

    def _decide(
        self, waiting: Waiting, account: Account | None, command: Command, quote: Quote | None, now: int
    ) -> None:
        outcome = decide(account, command, quote, now)
        why = ""
        event: Event | None = None
        if outcome is None:
            reply = self._answer(account, command, quote, waiting, now)
        elif outcome.__class__ is str:
            why = outcome
            reply = Reply(503 if why == refusal.NO_QUOTE else 400, why.encode())
        else:
            event = outcome  # type: ignore[assignment]
            reply = ACCEPTED
        stranger = account is None and event is None
        owner = STRANGERS if stranger else command.user
        record = Record(now, owner, waiting.request.id, command, why, event, quote, waiting.hit)
        after = replay(self.account(STRANGERS) if stranger else account, record)
        if command.name in ("BUY", "SELL") and event is not None and after is not None:
            reply = Reply(200, b"", 0, after.recent[-1].answer)
        self._decided(record, after, waiting, reply)

    @staticmethod
    def _answer(account: Account | None, command: Command, quote: Quote | None, waiting: Waiting, now: int) -> Reply:
        if command.name == "QUOTE" and quote is not None:
            bought = waiting.hit is not None and quote is waiting.quote
            return Reply(200, dollars(quote.price).encode(), 0, (quote.price, quote.asked_at, int(bought)))
        if command.name == "DISPLAY_SUMMARY" and account is not None:
            return Reply(200, summary(account, now))
        return ACCEPTED

    def _decided(self, record: Record, after: Account | None, waiting: Waiting | None, reply: Reply) -> None:
        if after is not None:
            self._speculated[record.account] = after
        self.pending.append(Decided(record, after, waiting))
        if waiting is not None:
            waiting.reply = reply
            waiting.mark_decided(True)

    def happened(self, user: str, event: Event | None, quote: Quote | None, hit: Hit | None) -> None:
        """Note what no command asked for: a fired trigger, or a hit on the quote server."""
        record = Record(self.now(), user, "", None, "", event, quote, hit)
        after = replay(self.account(user), record) if event is not None else None
        self._decided(record, after, None, ACCEPTED)

    def take_off(self, limit: int) -> Entry | None:
        """Return the entry to append: the one left unsettled, or a new one of what is pending; None if nothing is."""
        if self.flight is not None:
            return self.flight.entry
        if not self.pending or not self.is_open:
            return None
        decided, self.pending = self.pending[:limit], self.pending[limit:]
        entry = Entry(
            partition=self.number,
            n=self.head.n + 1,
            batch=secrets.token_hex(8),
            first=self.head.next_record,
            count=len(decided),
            time=decided[-1].record.time,
            server=self._server,
            records=encode_records([one.record for one in decided]),
            format=self._format,
        )
        self.flight = Flight(entry, decided)
        return entry

    def landed(self) -> list[Decided]:
        """Say that the flight is durable; returns what was decided in it, for the answers."""
        flight = self.flight
        if flight is None:
            raise AssertionError(f"partition {self.number}: an append landed that was never sent")
        entry = flight.entry
        n = entry.n
        speculated = self._speculated
        put = self.accounts.put
        for one in flight.decided:
            after = one.after
            if after is not None:
                record = one.record
                user = record.account
                put(user, after, n)
                if speculated.get(user) is after:
                    del speculated[user]
                if type(record.event) in _TRIGGER_EVENTS:
                    self.armed.note(user, record.event.symbol, after)  # type: ignore[union-attr]
        self.head = Position(n, entry.first + entry.count, entry.time)
        self.flight = None
        return flight.decided

    def throw_away(self) -> list[Decided]:
        """Forget what is speculated, flight and pending; returns it in order, to be decided again."""
        decided = [*(self.flight.decided if self.flight else ()), *self.pending]
        self.flight = None
        self.pending = []
        self._speculated.clear()
        self._time = 0
        return decided

    def evict(self, users: list[str]) -> None:
        """Let accounts go that are stored; those that a record not yet durable builds on stay."""
        self.accounts.evict([user for user in users if user not in self._speculated])

    def follow(self, entries: list[tuple[Entry, list[Record]]]) -> None:
        """Apply entries, in order, that stand in the journal with their records; the accounts they touch are in memory.

        What an account includes already, because it was stored later, does not happen to it again.
        """
        happened: dict[str, list[tuple[int, Record]]] = {}
        for entry, records in entries:
            for record in records:
                if record.command is not None or record.event is not None:
                    happened.setdefault(record.account, []).append((entry.n, record))
        for user, theirs in happened.items():
            self._happened_to(user, theirs)
        last = entries[-1][0]
        self.head = Position(last.n, last.first + last.count, last.time)

    def _happened_to(self, user: str, theirs: list[tuple[int, Record]]) -> None:
        account = self.accounts.peek(user)
        place = self.accounts.place(user)
        symbols = set()
        for n, record in theirs:
            if n > place:
                account = replay(account, record)
            if type(record.event) in _TRIGGER_EVENTS:
                symbols.add(record.event.symbol)  # type: ignore[union-attr]
        if account is None:
            return
        if theirs[-1][0] > place:
            self.accounts.put(user, account, theirs[-1][0])
        for symbol in symbols:  # also what was included: the armed triggers may have been listed before it was stored
            self.armed.note(user, symbol, account)
