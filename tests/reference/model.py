"""A deliberately naive model of the whole trading system, written from the rules alone.

It shares no line with the program: plain dictionaries and lists, one class, nothing fast. What it says is what the
program must say.
"""

import json
import re
from collections.abc import Callable
from typing import Any

LARGEST = 10**15

NAMES = [
    *("ADD", "QUOTE", "BUY", "COMMIT_BUY", "CANCEL_BUY", "SELL", "COMMIT_SELL", "CANCEL_SELL"),
    *("SET_BUY_AMOUNT", "SET_BUY_TRIGGER", "CANCEL_SET_BUY"),
    *("SET_SELL_AMOUNT", "SET_SELL_TRIGGER", "CANCEL_SET_SELL"),
    *("DUMPLOG", "DISPLAY_SUMMARY"),
]

WITHOUT_SYMBOL = ("ADD", "COMMIT_BUY", "CANCEL_BUY", "COMMIT_SELL", "CANCEL_SELL", "DUMPLOG", "DISPLAY_SUMMARY")

WITH_AMOUNT = ("ADD", "BUY", "SELL", "SET_BUY_AMOUNT", "SET_BUY_TRIGGER", "SET_SELL_AMOUNT", "SET_SELL_TRIGGER")


class RefusedError(Exception):
    """The text with which a command is refused, and the HTTP status."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.text = text
        self.status = status


class ReferenceModel:
    """The system for any number of users. The clock is `now` (ms), which the test sets."""

    def __init__(self, price: int | Callable[[str], int] = 500) -> None:
        """`price` is in cents (0 means that there is no quote), or a function of the symbol that returns it."""
        self.price = price
        self.now = 0
        self.users: dict[str, dict[str, Any]] = {}

    # What a client sees ------------------------------------------------------------------------------------------

    def line(self, line: str) -> tuple[int, str]:
        """Run one line of a workload file: `[n] COMMAND,arg,arg`."""
        name, *args = line.split("]", 1)[1].strip().split(",")
        if name == "DUMPLOG":
            fields = ["userid", "filename"] if len(args) == 2 else ["filename"]
        else:
            fields = ["userid"]
            fields += ["stockSymbol"] if name not in WITHOUT_SYMBOL else []
            fields += ["amount"] if name in WITH_AMOUNT else []
        return self.command(name, **dict(zip(fields, args, strict=False)))

    def command(self, name: str, **fields: str) -> tuple[int, str]:
        """Run one command with its fields (userid, stockSymbol, amount); return HTTP status and text."""
        userid, symbol, amount = (fields.get(field, "") for field in ("userid", "stockSymbol", "amount"))
        if name not in NAMES:
            return 400, "Invalid command"
        try:
            self.check_fields(name, userid, symbol, amount)
            status, text = 200, self.carry_out(name, userid, symbol, self.cents_or_zero(name, amount))
        except RefusedError as refused:
            status, text = refused.status, refused.text
        if userid in self.users:
            self.users[userid]["history"].append(
                {
                    "command": name,
                    "stock": symbol if name not in WITHOUT_SYMBOL and self.is_symbol(symbol) else "",
                    "amount_cents": self.cents_or_zero(name, amount),
                    "outcome": "accepted" if status == 200 else text,
                }
            )
        return status, text

    def summary(self, userid: str) -> dict[str, Any]:
        """Return the summary of an existing user; the times of the history are left out."""
        user = self.users[userid]
        triggers = []
        for kind, is_sell in (("buy_triggers", False), ("sell_triggers", True)):
            for stock, trigger in user[kind].items():
                triggers.append(
                    {
                        "stock": stock,
                        "price_cents": trigger["price"],
                        "amount_cents": trigger["amount"],
                        "is_sell": is_sell,
                    }
                )
        return comparable(
            {
                "cents": user["cash"],
                "investments": [{"stock": s, "amount": n} for s, n in user["free"].items() if n != 0],
                "triggers": triggers,
                "reserved_cents": sum(t["amount"] for t in user["buy_triggers"].values()),
                "pending_buys": [self.shown(order) for order in user["buys"] if self.is_live(order)],
                "pending_sells": [self.shown(order) for order in user["sells"] if self.is_live(order)],
                "history": user["history"][-100:],
            }
        )

    def evaluate_triggers(self) -> None:
        """Evaluate every armed trigger against the price of now, as the system does every interval."""
        for userid in self.users:
            for stock in sorted(self.users[userid]["buy_triggers"]):
                self.fire(userid, stock, is_sell=False)
            for stock in sorted(self.users[userid]["sell_triggers"]):
                self.fire(userid, stock, is_sell=True)

    def fire(self, userid: str, stock: str, *, is_sell: bool) -> bool:
        """Evaluate one trigger; return whether it fired."""
        user = self.users[userid]
        kind = "sell_triggers" if is_sell else "buy_triggers"
        trigger = user[kind].get(stock)
        price = self.price_of(stock)
        if trigger is None or trigger["price"] == 0 or price == 0:
            return False
        if is_sell:
            if price < trigger["price"]:
                return False
            proceeds = trigger["shares"] * price
            if self.owned_cash(user) + proceeds > LARGEST:
                return False
            user["cash"] += proceeds
        else:
            if price > trigger["price"]:
                return False
            shares = trigger["amount"] // price
            user["free"][stock] = user["free"].get(stock, 0) + shares
            user["cash"] += trigger["amount"] - shares * price
        del user[kind][stock]
        return True

    # Fields ------------------------------------------------------------------------------------------------------

    def check_fields(self, name: str, userid: str, symbol: str, amount: str) -> None:
        whole_log = name == "DUMPLOG" and userid == ""
        if not whole_log and re.search(r"\A[A-Za-z0-9]{1,64}\Z", userid) is None:
            raise RefusedError("Invalid userid")
        if name not in WITHOUT_SYMBOL and not self.is_symbol(symbol):
            raise RefusedError("Invalid stock symbol")
        if name in WITH_AMOUNT:
            self.check_amount(amount)

    def is_symbol(self, symbol: str) -> bool:
        return symbol != "" and len(symbol) <= 3 and all(c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" for c in symbol)

    def check_amount(self, amount: str) -> None:
        if re.search(r"\A[0-9]+\.[0-9][0-9]\Z", amount) is None:
            raise RefusedError("Invalid amount")
        if len(amount.replace(".", "")) > 16:
            raise RefusedError("Amount is too large")
        if self.to_cents(amount) == 0:
            raise RefusedError("Amount cannot be zero")
        if self.to_cents(amount) > LARGEST:
            raise RefusedError("Amount is too large")

    def to_cents(self, amount: str) -> int:
        return int(amount.replace(".", ""))

    def cents_or_zero(self, name: str, amount: str) -> int:
        if name not in WITH_AMOUNT:
            return 0
        try:
            self.check_amount(amount)
        except RefusedError:
            return 0
        return self.to_cents(amount)

    # The rules ---------------------------------------------------------------------------------------------------

    def carry_out(self, name: str, userid: str, stock: str, cents: int) -> str:
        if name == "ADD":
            self.add(userid, cents)
            return ""
        if name == "DUMPLOG" and userid == "":
            return ""
        if userid not in self.users:
            raise RefusedError("User does not exist")
        user = self.users[userid]
        self.drop_expired(user)
        if name == "QUOTE":
            price = self.quote(stock)
            return f"{price // 100}.{price % 100:02d}"
        if name == "DISPLAY_SUMMARY":
            return json.dumps(self.summary(userid))
        if name in ("COMMIT_BUY", "CANCEL_BUY", "COMMIT_SELL", "CANCEL_SELL"):
            getattr(self, name.lower())(user)
        elif name != "DUMPLOG":
            getattr(self, name.lower())(user, stock, cents)
        return ""

    def add(self, userid: str, cents: int) -> None:
        if userid not in self.users:
            self.users[userid] = {
                "cash": 0,
                "free": {},
                "buys": [],
                "sells": [],
                "buy_triggers": {},
                "sell_triggers": {},
                "history": [],
            }
        user = self.users[userid]
        if self.owned_cash(user) + cents > LARGEST:
            raise RefusedError("Amount is too large")
        user["cash"] += cents

    def buy(self, user: dict[str, Any], stock: str, cents: int) -> None:
        price = self.quote(stock)
        if price > cents:
            raise RefusedError("Quote price is higher than buy amount")
        if user["cash"] < cents:
            raise RefusedError("Insufficient funds")
        if len(user["buys"]) >= 1000:
            raise RefusedError("Too many pending orders")
        shares = cents // price
        user["buys"].append(
            {"stock": stock, "price": price, "shares": shares, "cents": shares * price, "time": self.now}
        )

    def commit_buy(self, user: dict[str, Any]) -> None:
        if not user["buys"]:
            raise RefusedError("The specified stack is empty")
        order = user["buys"][-1]
        if user["cash"] < order["cents"]:
            raise RefusedError("Insufficient funds")
        user["buys"].pop()
        user["cash"] -= order["cents"]
        user["free"][order["stock"]] = user["free"].get(order["stock"], 0) + order["shares"]

    def cancel_buy(self, user: dict[str, Any]) -> None:
        if not user["buys"]:
            raise RefusedError("The specified stack is empty")
        user["buys"].pop()

    def sell(self, user: dict[str, Any], stock: str, cents: int) -> None:
        price = self.quote(stock)
        if price > cents:
            raise RefusedError("Quote price is higher than sell amount")
        shares = cents // price
        if user["free"].get(stock, 0) < shares:
            raise RefusedError("Insufficient shares")
        if len(user["sells"]) >= 1000:
            raise RefusedError("Too many pending orders")
        user["sells"].append(
            {"stock": stock, "price": price, "shares": shares, "cents": shares * price, "time": self.now}
        )

    def commit_sell(self, user: dict[str, Any]) -> None:
        if not user["sells"]:
            raise RefusedError("The specified stack is empty")
        order = user["sells"][-1]
        if user["free"].get(order["stock"], 0) < order["shares"]:
            raise RefusedError("Insufficient shares")
        if self.owned_cash(user) + order["cents"] > LARGEST:
            raise RefusedError("Amount is too large")
        user["sells"].pop()
        user["free"][order["stock"]] -= order["shares"]
        user["cash"] += order["cents"]

    def cancel_sell(self, user: dict[str, Any]) -> None:
        if not user["sells"]:
            raise RefusedError("The specified stack is empty")
        user["sells"].pop()

    def set_buy_amount(self, user: dict[str, Any], stock: str, cents: int) -> None:
        trigger = user["buy_triggers"].get(stock)
        already_reserved = trigger["amount"] if trigger else 0
        if user["cash"] + already_reserved < cents:
            raise RefusedError("Insufficient funds")
        if trigger and trigger["price"] > 0 and cents < trigger["price"]:
            raise RefusedError("An existing trigger on this stock has a higher trigger price than the set amount")
        user["cash"] -= cents - already_reserved
        if trigger:
            trigger["amount"] = cents
        else:
            user["buy_triggers"][stock] = {"amount": cents, "price": 0}

    def set_buy_trigger(self, user: dict[str, Any], stock: str, price: int) -> None:
        trigger = user["buy_triggers"].get(stock)
        if trigger is None or price > trigger["amount"]:
            raise RefusedError("Either the trigger doesn't exist or the specified price is too high")
        trigger["price"] = price

    def cancel_set_buy(self, user: dict[str, Any], stock: str, _: int) -> None:
        trigger = user["buy_triggers"].pop(stock, None)
        if trigger is None:
            raise RefusedError("Trigger does not exist")
        user["cash"] += trigger["amount"]

    def set_sell_amount(self, user: dict[str, Any], stock: str, cents: int) -> None:
        trigger = user["sell_triggers"].get(stock)
        free = user["free"].get(stock, 0)
        already_reserved = trigger["shares"] if trigger else 0
        if free + already_reserved < cents // self.quote(stock):
            raise RefusedError("User does not have enough stocks")
        if trigger is None:
            user["sell_triggers"][stock] = {"amount": cents, "price": 0, "shares": 0}
            return
        if trigger["price"] == 0:
            trigger["amount"] = cents
            return
        if cents < trigger["price"]:
            raise RefusedError("An existing trigger on this stock has a higher trigger price than the set amount")
        shares = cents // trigger["price"]
        if free + already_reserved < shares:
            raise RefusedError("User does not have enough stocks")
        trigger["amount"] = cents
        trigger["shares"] = shares
        user["free"][stock] = free + already_reserved - shares

    def set_sell_trigger(self, user: dict[str, Any], stock: str, price: int) -> None:
        trigger = user["sell_triggers"].get(stock)
        if trigger is None:
            raise RefusedError("Trigger amount has not been set")
        if price > trigger["amount"]:
            raise RefusedError("The specified price is higher than the set amount")
        shares = trigger["amount"] // price
        available = user["free"].get(stock, 0) + trigger["shares"]
        if shares > available:
            raise RefusedError("User does not have enough stocks")
        trigger["price"] = price
        trigger["shares"] = shares
        user["free"][stock] = available - shares

    def cancel_set_sell(self, user: dict[str, Any], stock: str, _: int) -> None:
        trigger = user["sell_triggers"].pop(stock, None)
        if trigger is None:
            raise RefusedError("Trigger does not exist")
        user["free"][stock] = user["free"].get(stock, 0) + trigger["shares"]

    # Small questions ---------------------------------------------------------------------------------------------

    def price_of(self, stock: str) -> int:
        return self.price if isinstance(self.price, int) else self.price(stock)

    def quote(self, stock: str) -> int:
        price = self.price_of(stock)
        if price == 0:
            raise RefusedError("Quote unavailable", 503)
        return price

    def owned_cash(self, user: dict[str, Any]) -> int:
        return int(user["cash"] + sum(trigger["amount"] for trigger in user["buy_triggers"].values()))

    def is_live(self, order: dict[str, Any]) -> bool:
        return bool(self.now - order["time"] < 60_000)

    def drop_expired(self, user: dict[str, Any]) -> None:
        user["buys"] = [order for order in user["buys"] if self.is_live(order)]
        user["sells"] = [order for order in user["sells"] if self.is_live(order)]

    def shown(self, order: dict[str, Any]) -> dict[str, Any]:
        return {
            "stock": order["stock"],
            "price_cents": order["price"],
            "shares": order["shares"],
            "cents": order["cents"],
            "time": order["time"],
        }


def comparable(summary: dict[str, Any]) -> dict[str, Any]:
    """Return a summary with its unordered parts sorted and without the times of its history."""
    return summary | {
        "investments": sorted(summary["investments"], key=lambda held: str(held["stock"])),
        "triggers": sorted(summary["triggers"], key=lambda trigger: (trigger["is_sell"], str(trigger["stock"]))),
        "history": [{key: shown[key] for key in shown if key != "time"} for shown in summary["history"]],
    }
