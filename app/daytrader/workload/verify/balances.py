"""Comparing the accounts that a log leads to with what the accounts say of themselves."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from daytrader.domain.account import Account, Order
from daytrader.domain.money import dollars
from daytrader.workload.verify.findings import Findings
from daytrader.workload.verify.replay import Replay


class Investment(msgspec.Struct, frozen=True):
    """Free shares of one stock."""

    stock: str
    amount: int


class ShownTrigger(msgspec.Struct, frozen=True):
    """A trigger; its price is 0 while it is not armed."""

    stock: str
    price_cents: int
    amount_cents: int
    is_sell: bool


class ShownOrder(msgspec.Struct, frozen=True):
    """A live pending order."""

    stock: str
    price_cents: int
    shares: int
    cents: int
    time: int


class Summary(msgspec.Struct, frozen=True):
    """What DISPLAY_SUMMARY answers, but for the history."""

    cents: int
    investments: list[Investment]
    triggers: list[ShownTrigger]
    reserved_cents: int
    pending_buys: list[ShownOrder]
    pending_sells: list[ShownOrder]


class UserSummary(msgspec.Struct, frozen=True):
    """A line of an accounts file."""

    user: str
    summary: Summary


class AccountsError(Exception):
    """A line of an accounts file is none; the text says which."""


def summaries(path: Path) -> Iterator[tuple[str, Summary]]:
    """Yield user and summary from a file of JSON lines {"user": ..., "summary": {...}}.

    Raises:
        OSError: the file cannot be read.
        AccountsError: a line is something else.
    """
    decode = msgspec.json.Decoder(UserSummary).decode
    with path.open("rb") as file:
        for n, line in enumerate(file, 1):
            try:
                shown = decode(line)
            except msgspec.MsgspecError as error:
                raise AccountsError(f"{path}:{n}: no account ({error}): {line[:100]!r}") from error
            yield shown.user, shown.summary


def differences(account: Account, shown: Summary) -> list[str]:
    """Return in words how `shown` differs from `account`; orders that expired meanwhile make no difference."""
    pairs: list[tuple[str, object, object]] = [
        ("cash", dollars(account.cents), dollars(shown.cents)),
        ("reserved cash", dollars(account.reserved_cents), dollars(shown.reserved_cents)),
    ]
    held = {investment.stock: investment.amount for investment in shown.investments}
    pairs += [
        (f"shares of {stock}", account.holdings.get(stock, 0), held.get(stock, 0))
        for stock in sorted(held.keys() | account.holdings.keys())
    ]
    triggers = {(t.stock, t.is_sell): _trigger(t.amount_cents, t.price_cents) for t in shown.triggers}
    expected = {
        (stock, is_sell): _trigger(trigger.amount, trigger.price)
        for is_sell, kind in ((False, account.buy_triggers), (True, account.sell_triggers))
        for stock, trigger in kind.items()
    }
    for key in sorted(triggers.keys() | expected.keys()):
        stock, is_sell = key
        name = f"{'sell' if is_sell else 'buy'} trigger on {stock}"
        pairs.append((name, expected.get(key, "none"), triggers.get(key, "none")))
    pairs.append(("pending buys", *_newest(account.buys, shown.pending_buys)))
    pairs.append(("pending sells", *_newest(account.sells, shown.pending_sells)))
    return [f"{name} {has} instead of {due}" for name, due, has in pairs if has != due]


def _trigger(amount: int, price: int) -> str:
    return f"for {dollars(amount)} at {dollars(price)}" if price else f"for {dollars(amount)}, not armed"


def _newest(orders: tuple[Order, ...], shown: list[ShownOrder]) -> tuple[list[ShownOrder], list[ShownOrder]]:
    """Return as many of the newest orders as are shown (the older ones have expired), and those that are shown."""
    newest = orders[-len(shown) :] if shown else ()
    return [ShownOrder(o.symbol, o.price, o.shares, o.cents, o.time) for o in newest], shown


def compare_file(path: Path, replay: Replay, findings: Findings) -> None:
    """Compare all accounts with those in a file. Raises OSError, AccountsError."""
    compared = set()
    for name, shown in summaries(path):
        compared.add(name)
        compare(name, shown, replay, findings)
    for name, user in replay.users.items():
        if user.account is not None and name not in compared:
            findings.violation("balance", f"{name} has an account by the log, but none in {path}")


def compare(name: str, shown: Summary, replay: Replay, findings: Findings) -> None:
    """Compare one account with what the log leads to."""
    user = replay.users.get(name)
    if user is None or user.account is None:
        findings.violation("balance", f"{name} has an account, of which the log knows nothing")
    elif user.sound:
        findings.checked["balances compared"] += 1
        for difference in differences(user.account, shown):
            findings.violation("balance", f"{name} has {difference}")


def conserved(replay: Replay, findings: Findings) -> None:
    """With constant prices nobody gains or loses: cash, reserves and shares at the price are what was added."""
    if replay.prices_changed:
        findings.remarks.append("prices changed: that nothing was made from nothing is shown by the replay alone")
        return
    for name, user in replay.users.items():
        if user.account is None or not user.sound:
            continue
        findings.checked["accounts worth what was added"] += 1
        worth = user.account.cents + user.account.reserved_cents
        for stock, shares in user.account.holdings.items():
            worth += shares * replay.constant_prices[stock]
        for stock, trigger in user.account.sell_triggers.items():
            worth += trigger.shares * replay.constant_prices[stock]
        if worth != user.added:
            findings.violation("balance", f"{name} is worth {dollars(worth)} after adding {dollars(user.added)}")
