"""Replaying a log under the rules: every command must have had the outcome that the rules give it."""

from collections.abc import Callable
from typing import Final

from daytrader.domain import refusal
from daytrader.domain.account import Account
from daytrader.domain.command import Command
from daytrader.domain.decide import decide, fire_buy, fire_sell, needs_quote
from daytrader.domain.event import Added, BuyTriggerFired, Event, SellTriggerFired, cash_change
from daytrader.domain.evolve import evolve
from daytrader.domain.money import dollars
from daytrader.workload.verify.findings import Findings, Kind
from daytrader.workload.verify.log import Transaction
from daytrader.workload.verify.numbers import NumberSet
from daytrader.workload.verify.told import ContradictionError, Told, cents

OnCommand = Callable[[Command, Told], None]
"""Is shown every command of the log, in its order."""


class User:
    """What the log has said of one user so far."""

    __slots__ = ("account", "added", "cash", "number", "sound")

    def __init__(self) -> None:
        self.account: Account | None = None
        """None while nothing was added."""
        self.added = 0
        """All accepted ADDs, cents."""
        self.cash = 0
        """What the accountTransactions alone come to, cents."""
        self.number = 0
        """The last number."""
        self.sound = True
        """False once the log and the rules have parted: what follows says nothing new."""


class Replay:
    """Takes the transactions of a log in its order and keeps the accounts that they lead to."""

    def __init__(self, findings: Findings, on_command: OnCommand = lambda _command, _told: None) -> None:
        self.users: dict[str, User] = {}
        self.constant_prices: Final[dict[str, int]] = {}
        """The one price in cents of every symbol, as long as `prices_changed` is False."""
        self.prices_changed = False
        self._findings = findings
        self._on_command = on_command
        self._numbers = NumberSet()
        self._time = 0

    def take(self, transaction: Transaction) -> None:
        """Check one transaction and carry it out."""
        self._in_order(transaction)
        try:
            told = Told(transaction)
            if told.main is None:
                self._hits_alone(told)
            else:
                self._of_user(told)
        except ContradictionError as error:
            self._findings.violation("record", f"number {transaction.number} {error}")

    def _in_order(self, transaction: Transaction) -> None:
        for _, fields in transaction.events:
            time = int(fields["timestamp"])
            if time < self._time:
                self._findings.violation(
                    "order", f"number {transaction.number}: time goes back from {self._time} to {time}"
                )
            self._time = time
        if not self._numbers.add(transaction.number):
            self._findings.violation("number", f"number {transaction.number} is carried by two commands")

    def _hits_alone(self, told: Told) -> None:
        if told.cash is not None:
            raise ContradictionError("moves cash, but no command and no trigger says why")
        self._findings.checked["quote hits"] += told.hits

    def _of_user(self, told: Told) -> None:
        findings = self._findings
        findings.checked["quote hits"] += told.hits
        findings.checked["fired triggers" if told.trigger else "commands"] += 1
        user = self.users.get(told.user)
        if user is None:
            user = self.users[told.user] = User()
        if told.user:
            if told.number <= user.number:
                findings.violation("order", f"{_name(told)}: its number is not above {user.number}, the user's last")
            user.number = told.number
        if not told.trigger:
            command = told.command()
            self._on_command(command, told)
        if not user.sound:
            return
        try:
            event = self._fired(user, told) if told.trigger else self._decided(user, command, told)
            self._cash_moved(user, event, told)
        except _PartedError as parted:
            user.sound = False
            findings.violation(parted.kind, f"{_name(told)}: {parted}")

    def _decided(self, user: User, command: Command, told: Told) -> Event | None:
        """Return what the command did; it must be what the log says."""
        quote = told.quote()
        if quote is None:
            if needs_quote(user.account, command) and told.refusal != refusal.NO_QUOTE:
                raise _PartedError("record", "no quote is logged with it")
        else:
            if not needs_quote(user.account, command):
                raise _PartedError("record", "a quote is logged with it, but it needs none")
            self._see_price(quote.symbol, quote.price)
        outcome = decide(user.account, command, quote, told.time)
        if isinstance(outcome, str):
            if not told.error:
                raise _PartedError("rule", f"it was accepted, but should have been refused: {outcome!r}")
            if told.refusal != outcome:
                raise _PartedError("rule", f"it was refused with {told.refusal!r} instead of {outcome!r}")
            self._findings.checked["refused commands"] += 1
            return None
        if told.error:
            raise _PartedError("rule", f"it was refused with {told.refusal!r}, but should have been accepted")
        if isinstance(outcome, Added):
            user.added += outcome.cents
        return outcome

    def _fired(self, user: User, told: Told) -> Event:
        """Return what the trigger did; it must have been armed, and its price reached."""
        fields = told.main or {}
        quote = told.quote()
        if quote is None:
            raise _PartedError("record", "no quote is logged with the fired trigger")
        self._see_price(quote.symbol, quote.price)
        account = user.account or Account()
        event: BuyTriggerFired | SellTriggerFired | None
        if fields["command"] == "SET_BUY_TRIGGER":
            event = fire_buy(account, quote.symbol, quote)
        else:
            event = fire_sell(account, quote.symbol, quote)
        if event is None:
            raise _PartedError("rule", f"no such trigger of {quote.symbol} fires at {dollars(quote.price)}")
        moved = event.cost if isinstance(event, BuyTriggerFired) else event.proceeds
        if fields.get("funds") != dollars(moved):
            raise _PartedError("rule", f"the trigger moves {dollars(moved)}, the log says {fields.get('funds')}")
        return event

    def _cash_moved(self, user: User, event: Event | None, told: Told) -> None:
        """Carry the event out; the accountTransaction must be its net change of free cash."""
        change = 0 if told.cash is None else cents(told.cash["funds"])
        if told.cash is not None:
            self._findings.checked["movements of cash"] += 1
            if told.cash["username"] != told.user:
                raise _PartedError("cash", f"it moves cash of {told.cash['username']}")
            if told.cash["action"] == "remove":
                change = -change
            user.cash += change
            if user.cash < 0:
                raise _PartedError("cash", f"free cash becomes {user.cash} cents")
        due = cash_change(event)
        if change != due or (told.cash is not None and not change):
            raise _PartedError("cash", f"free cash changes by {due} cents, by the accountTransaction by {change}")
        if event is not None:
            user.account = evolve(user.account, event, told.time)

    def _see_price(self, symbol: str, price: int) -> None:
        if self.constant_prices.setdefault(symbol, price) != price:
            self.prices_changed = True


class _PartedError(Exception):
    """The log and the rules have parted."""

    def __init__(self, kind: Kind, text: str) -> None:
        super().__init__(text)
        self.kind: Kind = kind


def _name(told: Told) -> str:
    """Say which command or trigger it is."""
    fields = told.main or {}
    about = [fields["command"], *(fields[name] for name in ("username", "stockSymbol", "funds") if name in fields)]
    return f"number {told.number}, {'the firing of ' if told.trigger else ''}{' '.join(about)}"
