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
    """Yield user and summary from a file of JSON lines {"user": ..., "summary": {...}}. Raises OSError, AccountsError."""
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
    found = []
    if shown.cents != account.cents:
        found.append(f"cash {dollars(shown.cents)} instead of {dollars(account.cents)}")
    if shown.reserved_cents != account.reserved_cents:
        found.append(f"reserved {dollars(shown.reserved_cents)} instead of {dollars(account.reserved_cents)}")
    holdings = {held.stock: held.amount for held in shown.investments}
    for stock in sorted(holdings.keys() | account.holdings.keys()):
        if holdings.get(stock, 0) != account.holdings.get(stock, 0):
            found.append(f"{holdings.get(stock, 0)} {stock} instead of {account.holdings.get(stock, 0)}")
    triggers = {(t.stock, t.is_sell): (t.amount_cents, t.price_cents) for t in shown.triggers}
    expected = {
        (stock, is_sell): (trigger.amount, trigger.price)
        for is_sell, kind in ((False, account.buy_triggers), (True, account.sell_triggers))
        for stock, trigger in kind.items()
    }
    for stock, is_sell in sorted(triggers.keys() | expected.keys()):
        was, is_now = expected.get((stock, is_sell)), triggers.get((stock, is_sell))
        if was != is_now:
            found.append(f"{'sell' if is_sell else 'buy'} trigger on {stock} {_trigger(is_now)} instead of {_trigger(was)}")
    found += _orders("buys", account.buys, shown.pending_buys) + _orders("sells", account.sells, shown.pending_sells)
    return found


def _trigger(trigger: tuple[int, int] | None) -> str:
    return "none" if trigger is None else f"for {dollars(trigger[0])} at {dollars(trigger[1])}"


def _orders(name: str, orders: tuple[Order, ...], shown: list[ShownOrder]) -> list[str]:
    """Compare a stack: what is shown must be its newest orders."""
    newest = orders[len(orders) - len(shown) :] if len(shown) <= len(orders) else ()
    pending = [ShownOrder(o.symbol, o.price, o.shares, o.cents, o.time) for o in newest]
    return [] if pending == shown else [f"{len(shown)} pending {name} that are not the newest of {len(orders)}"]


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
