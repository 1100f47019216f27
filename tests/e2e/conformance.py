"""The thirty-one conformance cases, as functions over any client that runs commands and turns the clock.

One user, symbol DOG, quote fixed at 5.00. The cases read cents and shares of DOG from DISPLAY_SUMMARY. A system under
test must either evaluate triggers only when the clock is advanced, or at an interval of 60 s of the turned clock: no
case may see a trigger fire before it says `advance`.
"""

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

SYMBOL = "DOG"
FUNDS = "10002.34"
FUNDS_CENTS = 1_000_234
EXPIRED_MS = 61_000
FIRED_MS = 65_000
POLL_SECONDS = 0.05
TRIGGER_LIMIT_SECONDS = 30.0


class Client(Protocol):
    """The system under test."""

    async def command(self, name: str, **params: str) -> tuple[int, str]:
        """Run a command with its parameters (userid, stockSymbol, amount, filename); return status and body."""

    async def advance(self, ms: int) -> None:
        """Turn the system's clock on by `ms`, so that orders expire and triggers are evaluated."""


class User:
    """One user of a client, whose answers a case checks."""

    def __init__(self, client: Client, userid: str) -> None:
        self.client = client
        self.userid = userid

    async def run(
        self, name: str, amount: str = "", symbol: str = SYMBOL, userid: str | None = None
    ) -> tuple[int, str]:
        """Run a command, with the amount where it has one."""
        params = {"userid": self.userid if userid is None else userid, "stockSymbol": symbol}
        if amount:
            params["amount"] = amount
        return await self.client.command(name, **params)

    async def accepted(self, name: str, amount: str = "") -> str:
        """Run a command that must be answered 200; return its body."""
        status, body = await self.run(name, amount)
        assert status == 200, f"{name} {amount}: {status} {body}"
        return body

    async def refused(self, name: str, amount: str = "", text: str = "") -> None:
        """Run a command that must be answered 400, with this text where one is given."""
        status, body = await self.run(name, amount)
        assert status == 400, f"{name} {amount}: {status} {body}"
        assert not text or body == text

    async def summary(self) -> dict[str, Any]:
        """Return the user's summary."""
        shown = json.loads(await self.accepted("DISPLAY_SUMMARY"))
        assert isinstance(shown, dict)
        return shown

    async def balance(self) -> tuple[int, int]:
        """Return free cash in cents and free shares of DOG."""
        shown = await self.summary()
        shares = [held["amount"] for held in shown["investments"] if held["stock"] == SYMBOL]
        return shown["cents"], sum(shares)

    async def trigger(self, *, is_sell: bool) -> tuple[int, int] | None:
        """Return amount and price in cents of the trigger on DOG, None where there is none."""
        for shown in (await self.summary())["triggers"]:
            if shown["stock"] == SYMBOL and shown["is_sell"] is is_sell:
                return shown["amount_cents"], shown["price_cents"]
        return None

    async def fires(self, *, is_sell: bool) -> None:
        """Advance by 65 s and wait until the trigger is gone, within a time limit."""
        await self.client.advance(FIRED_MS)
        async with asyncio.timeout(TRIGGER_LIMIT_SECONDS):
            while await self.trigger(is_sell=is_sell) is not None:  # noqa: ASYNC110 - nobody can tell us, so we look
                await asyncio.sleep(POLL_SECONDS)


@dataclass(frozen=True, slots=True)
class Case:
    """One conformance case: its number, what it shows, and the function that runs it for a fresh user."""

    number: int
    title: str
    steps: Callable[[User], Awaitable[None]]

    async def run(self, client: Client) -> None:
        """Run the case on `client` as a user who was never there before. Raises AssertionError where it fails."""
        await self.steps(User(client, f"case{self.number}x{secrets.token_hex(8)}"))


CASES: list[Case] = []


def case(number: int, title: str) -> Callable[[Callable[[User], Awaitable[None]]], Callable[[User], Awaitable[None]]]:
    """Enter a function into the list of cases."""

    def enter(steps: Callable[[User], Awaitable[None]]) -> Callable[[User], Awaitable[None]]:
        CASES.append(Case(number, title, steps))
        return steps

    return enter


async def funded(u: User) -> tuple[int, int]:
    """Setup S: the user has 10002.34; return the balance."""
    await u.accepted("ADD", FUNDS)
    return await u.balance()


async def with_shares(u: User) -> tuple[int, int]:
    """Setup S, then buy 140 DOG; return the balance."""
    await funded(u)
    await u.accepted("BUY", "700.00")
    await u.accepted("COMMIT_BUY")
    return await u.balance()


async def for_triggers(u: User) -> tuple[int, int]:
    """Setup T: 500.00 more, no sell trigger, 100 DOG more; return the balance."""
    await u.accepted("ADD", "500.00")
    status, body = await u.run("CANCEL_SET_SELL")
    assert status != 500, body
    await u.accepted("BUY", "500.00")
    await u.accepted("COMMIT_BUY")
    return await u.balance()


@case(1, "adding makes the user")
async def _(u: User) -> None:
    await u.refused("DISPLAY_SUMMARY")
    await u.accepted("ADD", FUNDS)
    shown = await u.summary()
    assert shown["cents"] == FUNDS_CENTS
    assert shown["investments"] == []


@case(2, "adding twice adds twice")
async def _(u: User) -> None:
    for times in (1, 2):
        assert (await funded(u))[0] == times * FUNDS_CENTS


@case(3, "a buy changes nothing yet")
async def _(u: User) -> None:
    before = await funded(u)
    await u.accepted("BUY", "700.00")
    assert await u.balance() == before
    await u.accepted("CANCEL_BUY")


@case(4, "a committed buy")
async def _(u: User) -> None:
    cents, shares = await funded(u)
    await u.accepted("BUY", "700.00")
    await u.accepted("COMMIT_BUY")
    assert await u.balance() == (cents - 70_000, shares + 140)


@case(5, "a cancelled buy")
async def _(u: User) -> None:
    before = await funded(u)
    await u.accepted("BUY", "700.00")
    await u.accepted("CANCEL_BUY")
    assert await u.balance() == before


@case(6, "a buy expires")
async def _(u: User) -> None:
    before = await funded(u)
    await u.accepted("BUY", "700.00")
    await u.client.advance(EXPIRED_MS)
    assert await u.balance() == before
    await u.refused("COMMIT_BUY")
    await u.refused("CANCEL_BUY")


@case(7, "committing no buy")
async def _(u: User) -> None:
    await funded(u)
    await u.refused("COMMIT_BUY")


@case(8, "cancelling no buy")
async def _(u: User) -> None:
    await funded(u)
    await u.refused("CANCEL_BUY")


@case(9, "a stack of buys")
async def _(u: User) -> None:
    await funded(u)
    for _ in range(4):
        await u.accepted("BUY", "700.00")
    for name in ("COMMIT_BUY", "CANCEL_BUY", "COMMIT_BUY", "CANCEL_BUY"):
        await u.accepted(name)
    await u.refused("COMMIT_BUY")
    await u.refused("COMMIT_BUY")


@case(10, "a buy trigger needs an amount")
async def _(u: User) -> None:
    await funded(u)
    assert await u.trigger(is_sell=False) is None
    await u.refused("SET_BUY_TRIGGER", "5.00")


@case(11, "a buy trigger fires")
async def _(u: User) -> None:
    cents, shares = await funded(u)
    await u.refused("SET_BUY_TRIGGER", "5.00")
    await u.accepted("SET_BUY_AMOUNT", "700.01")
    await u.accepted("SET_BUY_TRIGGER", "5.00")
    assert await u.trigger(is_sell=False) == (70_001, 500)
    await u.fires(is_sell=False)
    assert await u.balance() == (cents - 70_000, shares + 140)


@case(12, "editing a buy trigger")
async def _(u: User) -> None:
    await funded(u)
    await u.accepted("SET_BUY_AMOUNT", "700.00")
    await u.accepted("SET_BUY_TRIGGER", "5.00")
    cents, _ = await u.balance()
    await u.refused("SET_BUY_AMOUNT", "4.99")
    await u.refused("SET_BUY_TRIGGER", "700.01")
    await u.accepted("SET_BUY_AMOUNT", "1400.00")
    await u.accepted("SET_BUY_TRIGGER", "10.00")
    assert (await u.balance())[0] == cents - 70_000
    assert await u.trigger(is_sell=False) == (140_000, 1_000)


@case(13, "cancelling a buy trigger")
async def _(u: User) -> None:
    cents, shares = await funded(u)
    await u.refused("CANCEL_SET_BUY")
    await u.accepted("SET_BUY_AMOUNT", "700.00")
    await u.accepted("SET_BUY_TRIGGER", "5.00")
    assert await u.balance() == (cents - 70_000, shares)
    await u.accepted("CANCEL_SET_BUY")
    assert await u.balance() == (cents, shares)


@case(14, "an invalid userid")
async def _(u: User) -> None:
    assert await u.run("ADD", "1.00", userid="!!") == (400, "Invalid userid")


@case(15, "an unknown user")
async def _(u: User) -> None:
    await u.refused("BUY", "700.00", text="User does not exist")


@case(16, "an amount of zero")
async def _(u: User) -> None:
    await u.refused("ADD", "0.00", text="Amount cannot be zero")


@case(17, "a negative amount")
async def _(u: User) -> None:
    await u.refused("ADD", "-1.00", text="Invalid amount")


@case(18, "an amount that is no number")
async def _(u: User) -> None:
    await u.refused("ADD", "sdfsd", text="Invalid amount")


@case(19, "an invalid symbol")
async def _(u: User) -> None:
    await funded(u)
    assert await u.run("BUY", "700.00", symbol="ADDS") == (400, "Invalid stock symbol")


@case(20, "a quote")
async def _(u: User) -> None:
    await funded(u)
    assert await u.accepted("QUOTE") == "5.00"


@case(21, "a sell changes nothing yet")
async def _(u: User) -> None:
    before = await with_shares(u)
    await u.accepted("SELL", "10.00")
    assert await u.balance() == before
    await u.accepted("CANCEL_SELL")


@case(22, "a committed sell")
async def _(u: User) -> None:
    cents, shares = await with_shares(u)
    await u.accepted("SELL", "10.00")
    await u.accepted("COMMIT_SELL")
    assert await u.balance() == (cents + 1_000, shares - 2)


@case(23, "a cancelled sell")
async def _(u: User) -> None:
    before = await with_shares(u)
    await u.accepted("SELL", "10.00")
    await u.accepted("CANCEL_SELL")
    assert await u.balance() == before


@case(24, "a sell expires")
async def _(u: User) -> None:
    before = await with_shares(u)
    await u.accepted("SELL", "10.00")
    await u.client.advance(EXPIRED_MS)
    assert await u.balance() == before
    await u.refused("COMMIT_SELL")
    await u.refused("CANCEL_SELL")


@case(25, "committing no sell")
async def _(u: User) -> None:
    await with_shares(u)
    await u.refused("COMMIT_SELL")


@case(26, "cancelling no sell")
async def _(u: User) -> None:
    await with_shares(u)
    await u.refused("CANCEL_SELL")


@case(27, "a stack of sells")
async def _(u: User) -> None:
    await with_shares(u)
    for _ in range(4):
        await u.accepted("SELL", "10.00")
    for name in ("COMMIT_SELL", "CANCEL_SELL", "COMMIT_SELL", "CANCEL_SELL"):
        await u.accepted(name)
    await u.refused("COMMIT_SELL")
    await u.refused("COMMIT_SELL")


@case(28, "a sell trigger needs the shares")
async def _(u: User) -> None:
    _, held = await for_triggers(u)
    await u.accepted("SET_SELL_AMOUNT", dollars((held + 1) * 10))
    await u.refused("SET_SELL_TRIGGER", "0.10")
    await u.accepted("SET_SELL_AMOUNT", dollars(held))
    await u.accepted("SET_SELL_TRIGGER", "0.01")
    assert (await u.balance())[1] == 0
    await u.refused("SET_SELL_AMOUNT", dollars(held + 1))


@case(29, "a sell trigger fires at the quote")
async def _(u: User) -> None:
    cents, shares = await for_triggers(u)
    await u.refused("SET_SELL_TRIGGER", "0.10")
    await u.accepted("SET_SELL_AMOUNT", "10.00")
    await u.accepted("SET_SELL_TRIGGER", "0.10")
    assert await u.trigger(is_sell=True) == (1_000, 10)
    await u.fires(is_sell=True)
    assert await u.balance() == (cents + 50_000, shares - 100)


@case(30, "editing a sell trigger")
async def _(u: User) -> None:
    await for_triggers(u)
    _, held = await for_triggers(u)
    await u.accepted("SET_SELL_AMOUNT", "10.00")
    await u.accepted("SET_SELL_TRIGGER", "0.10")
    assert (await u.balance())[1] == held - 100
    await u.refused("SET_SELL_AMOUNT", "0.09")
    await u.refused("SET_SELL_TRIGGER", "10.01")
    await u.accepted("SET_SELL_AMOUNT", "20.00")
    assert (await u.balance())[1] == held - 200
    await u.accepted("SET_SELL_TRIGGER", "0.20")
    assert (await u.balance())[1] == held - 100
    assert await u.trigger(is_sell=True) == (2_000, 20)


@case(31, "cancelling a sell trigger")
async def _(u: User) -> None:
    cents, shares = await for_triggers(u)
    await u.refused("CANCEL_SET_SELL")
    await u.accepted("SET_SELL_AMOUNT", "10.00")
    await u.accepted("SET_SELL_TRIGGER", "0.10")
    assert await u.balance() == (cents, shares - 100)
    await u.accepted("CANCEL_SET_SELL")
    assert await u.balance() == (cents, shares)


def dollars(cents: int) -> str:
    """Write cents as dollars with two decimals."""
    return f"{cents // 100}.{cents % 100:02d}"
