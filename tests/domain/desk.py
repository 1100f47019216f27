"""A trading desk for tests: decides commands on accounts in memory, with a clock and a price that the test turns."""

from collections.abc import Callable

from daytrader.domain import event as ev
from daytrader.domain import refusal
from daytrader.domain.account import Account
from daytrader.domain.command import COMMAND_NAMES, SYMBOL_COMMANDS, CommandName, parse
from daytrader.domain.decide import decide, fire_buy, fire_sell, needs_quote
from daytrader.domain.evolve import replay
from daytrader.domain.money import dollars
from daytrader.domain.quote import Quote
from daytrader.domain.record import Record
from daytrader.domain.summary import summary

START = 1_700_000_000_000


class Desk:
    """Runs commands one after the other, as a transaction replica would, and keeps their records."""

    def __init__(self, price: int | Callable[[str], int] = 500) -> None:
        """`price` is in cents (0: no quote is to be had), or a function of the symbol that returns it."""
        self.price = price
        self.now = START
        self.accounts: dict[str, Account] = {}
        self.records: list[Record] = []

    def quote(self, symbol: str) -> Quote | None:
        """Return the quote of `symbol` now, None where the price is 0."""
        price = self.price if isinstance(self.price, int) else self.price(symbol)
        return Quote(symbol, price, self.now, self.now - 3) if price else None

    def run(
        self, name: CommandName, user: str = "", symbol: str = "", amount: str = "", filename: str = ""
    ) -> tuple[int, str]:
        """Run one command; return its status and text as a client sees them."""
        command = parse(name, user, symbol, amount, filename)
        account = self.accounts.get(command.user)
        quote = self.quote(command.symbol) if needs_quote(account, command) else None
        outcome = decide(account, command, quote, self.now)
        refused = outcome if isinstance(outcome, str) else ""
        event = None if isinstance(outcome, str) else outcome
        known = account is not None or event is not None
        self._keep(
            Record(
                self.now,
                command.user if known else "",
                f"w:{len(self.records)}",
                command,
                refused,
                event,
                quote,
            )
        )
        if refused:
            return 503 if refused == refusal.NO_QUOTE else 400, refused
        if name == "QUOTE" and quote is not None:
            return 200, dollars(quote.price)
        if name == "DISPLAY_SUMMARY" and account is not None:
            return 200, summary(account, self.now).decode()
        return 200, ""

    def command(self, name: str, **fields: str) -> tuple[int, str]:
        """Run one command given as HTTP clients give it: userid, stockSymbol, amount, filename."""
        known = COMMAND_NAMES.get(name)
        if known is None:
            return 400, refusal.INVALID_COMMAND
        return self.run(
            known,
            fields.get("userid", ""),
            fields.get("stockSymbol", ""),
            fields.get("amount", ""),
            fields.get("filename", ""),
        )

    def accepted(self, name: CommandName, user: str, symbol: str = "", amount: str = "") -> str:
        """Run a command that must be accepted; return its text."""
        status, text = self.run(name, user, symbol, amount)
        assert status == 200, f"{name} {symbol} {amount}: {text}"
        return text

    def play(self, script: str, user: str = "u") -> tuple[int, str]:
        """Run steps separated by semicolons for one user; return the last command's status and text.

        A step is a command (`BUY A 50.00`), `wait 60000` (ms), `price 4.99` (dollars; 0.00: none),
        or `triggers` (evaluate them).
        """
        answer = (200, "")
        for step in filter(None, (part.strip() for part in script.split(";"))):
            name, *rest = step.split()
            if name == "wait":
                self.now += int(rest[0])
            elif name == "price":
                self.price = int(rest[0].replace(".", ""))
            elif name == "triggers":
                self.evaluate_triggers()
            else:
                symbol = rest.pop(0) if name in SYMBOL_COMMANDS else ""
                answer = self.run(COMMAND_NAMES[name], user, symbol, *rest)
        return answer

    def evaluate_triggers(self) -> None:
        """Fire every armed trigger that fires at the price of now."""
        for user in self.accounts:
            for is_sell in (False, True):
                self._fire(user, is_sell)

    def _fire(self, user: str, is_sell: bool) -> None:
        armed = self.accounts[user].sell_triggers if is_sell else self.accounts[user].buy_triggers
        for symbol in sorted(armed):
            quote = self.quote(symbol)
            fired: ev.BuyTriggerFired | ev.SellTriggerFired | None = None
            if quote is not None:
                fired = (fire_sell if is_sell else fire_buy)(self.accounts[user], symbol, quote)
            if fired is not None:
                self._keep(Record(self.now, user, event=fired, quote=quote))

    def _keep(self, record: Record) -> None:
        self.records.append(record)
        after = replay(self.accounts.get(record.account), record)
        if after is not None and record.account:
            self.accounts[record.account] = after
