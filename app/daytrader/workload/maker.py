"""Makes workload files of the shape and mix of real ones: the same bytes from the same seed.

The command is drawn first, by the mix, and then a user whom it fits or (to be refused) does not fit. Users come in one
after the other, as in a file whose every line is of a user taken at random; from then on they are interleaved.
"""

import itertools
import random
import secrets
import string
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from daytrader.workload.expectation import Expectation

MIX: Final = {
    "ADD": 11.0,
    "QUOTE": 13.2,
    "BUY": 13.9,
    "COMMIT_BUY": 8.0,
    "CANCEL_BUY": 2.4,
    "SELL": 6.2,
    "COMMIT_SELL": 4.2,
    "CANCEL_SELL": 2.0,
    "SET_BUY_AMOUNT": 5.0,
    "SET_BUY_TRIGGER": 8.6,
    "CANCEL_SET_BUY": 2.0,
    "SET_SELL_AMOUNT": 4.4,
    "SET_SELL_TRIGGER": 7.3,
    "CANCEL_SET_SELL": 2.5,
    "DISPLAY_SUMMARY": 9.1,
}
"""Percent of all commands, as in a real file of 100 users."""
REFUSED: Final = 0.25
"""Part of the commands that is meant to be refused."""

_REFUSABLE: Final = sum(MIX[name] for name in MIX.keys() - {"ADD", "QUOTE", "BUY", "SET_BUY_AMOUNT", "DISPLAY_SUMMARY"})
_SYMBOLS: Final = 50
"""Symbols of a file; a user who sends very many commands has them all."""
_SYMBOLS_EACH: Final = 10
"""Symbols of a user in a large file."""
_SMALLEST_ADD, _LARGEST_ADD = 1_270_000, 13_100_000
_ID_LETTERS: Final = string.ascii_letters + string.digits
_ID_LENGTH: Final = 10


def write(path: Path, users: int, commands: int, seed: int, progress: Callable[[int], None] | None = None) -> None:
    """Write a file of `commands` lines, the last of which is a DUMPLOG.

    `progress` is told, every 10,000 lines, how many have been written. A file appears whole or not at all.

    Raises:
        ValueError: there are not enough commands for a first ADD of every user and the DUMPLOG.
        OSError: the file cannot be written.
    """
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        with partial.open("w", encoding="ascii", newline="\n") as file:
            for written, line in enumerate(lines(users, commands, seed), 1):
                file.write(line)
                if progress is not None and not written % 10_000:
                    progress(written)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def lines(users: int, commands: int, seed: int) -> Iterator[str]:
    """The lines of the file, with their ends. Raises ValueError as `write` does."""
    if users < 1 or commands <= users:
        raise ValueError(f"{users} users need {users + 1} commands at least (an ADD each, and DUMPLOG), not {commands}")
    for number, command in enumerate(_Maker(users, commands, seed).commands(), 1):
        yield f"[{number}] {command} \n"
    yield f"[{commands}] DUMPLOG,./testLOG\n"


class _Maker:
    def __init__(self, users: int, commands: int, seed: int) -> None:
        rng = random.Random(seed)
        self._random = rng.random
        self._users = users
        self._left = commands - 1
        symbols_each = min(_SYMBOLS, max(_SYMBOLS_EACH, commands // users // 20))
        self._expected = Expectation(rng, symbols_each)
        self._ids: list[str] = []
        self._taken: set[str] = set()
        self._first_symbols: list[int] = []
        self._symbols = self._make_symbols()
        # The first ADD of every user is a part of all ADDs.
        more_adds = max(0.0, MIX["ADD"] / 100 * self._left - users)
        others = sum(MIX.values()) - MIX["ADD"]
        weights = MIX | {"ADD": more_adds * others / max(1.0, self._left - users - more_adds)}
        self._names = list(weights)
        self._weights = list(itertools.accumulate(weights.values()))
        self._choices = rng.choices
        self._made = self._refused = 0

    def commands(self) -> Iterator[str]:
        while self._left:
            come = len(self._ids)
            if come < self._users and (self._left <= self._users - come or self._draw(self._users) >= come):
                self._come_in()
                yield self._add(come)
            else:
                (name,) = self._choices(self._names, cum_weights=self._weights)
                yield self._command(name)
            self._left -= 1
            self._made += 1

    def _command(self, name: str) -> str:
        expected = self._expected
        match name:
            case "ADD":
                return self._add(expected.any_user())
            case "DISPLAY_SUMMARY":
                return f"DISPLAY_SUMMARY,{self._ids[expected.any_user()]}"
            case "QUOTE":
                return f"QUOTE,{self._user_and_symbol(expected.any_key())}"
            case "BUY":
                return self._order(name, *expected.buy())
            case "SET_BUY_AMOUNT":
                return self._order(name, *expected.set_buy_amount())
            case _:
                return self._refusable(name)

    def _refusable(self, name: str) -> str:
        expected, refuse = self._expected, self._random() < self._part_to_refuse()
        match name:
            case "COMMIT_BUY" | "CANCEL_BUY":
                user, refused = expected.end_buy(commit=name == "COMMIT_BUY", refuse=refuse)
                command = f"{name},{self._ids[user]}"
            case "COMMIT_SELL" | "CANCEL_SELL":
                user, refused = expected.end_sell(commit=name == "COMMIT_SELL", refuse=refuse)
                command = f"{name},{self._ids[user]}"
            case "CANCEL_SET_BUY" | "CANCEL_SET_SELL":
                cancel = expected.cancel_set_buy if name == "CANCEL_SET_BUY" else expected.cancel_set_sell
                key, refused = cancel(refuse=refuse)
                command = f"{name},{self._user_and_symbol(key)}"
            case _:
                order = {
                    "SELL": expected.sell,
                    "SET_BUY_TRIGGER": expected.set_buy_trigger,
                    "SET_SELL_AMOUNT": expected.set_sell_amount,
                    "SET_SELL_TRIGGER": expected.set_sell_trigger,
                }[name]
                key, cents, refused = order(refuse=refuse)
                command = self._order(name, key, cents)
        self._refused += refused
        return command

    def _part_to_refuse(self) -> float:
        """The part of the commands that can be refused which is to be; steered, as some will have it otherwise."""
        behind = REFUSED * self._made - self._refused
        return REFUSED * 100 / _REFUSABLE + behind * 0.02

    def _come_in(self) -> None:
        while (user := "".join(_ID_LETTERS[self._draw(len(_ID_LETTERS))] for _ in range(_ID_LENGTH))) in self._taken:
            pass
        self._taken.add(user)
        self._ids.append(user)
        self._first_symbols.append(self._draw(_SYMBOLS))
        self._expected.users += 1

    def _add(self, user: int) -> str:
        return f"ADD,{self._ids[user]},{_dollars(_SMALLEST_ADD + self._draw(_LARGEST_ADD - _SMALLEST_ADD))}"

    def _order(self, name: str, key: int, cents: int) -> str:
        return f"{name},{self._user_and_symbol(key)},{_dollars(cents)}"

    def _user_and_symbol(self, key: int) -> str:
        user, number = divmod(key, self._expected.symbols_each)
        return f"{self._ids[user]},{self._symbols[(self._first_symbols[user] + 7 * number) % _SYMBOLS]}"

    def _make_symbols(self) -> list[str]:
        """Symbols of three capitals, and one in ten of a single one, as real files have them."""
        symbols: set[str] = set()
        while len(symbols) < _SYMBOLS:
            length = 1 if len(symbols) < _SYMBOLS // 10 else 3
            symbols.add("".join(string.ascii_uppercase[self._draw(26)] for _ in range(length)))
        return sorted(symbols)

    def _draw(self, below: int) -> int:
        return int(self._random() * below)


def _dollars(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"
