"""The quote server's language: one line to ask, one line to answer."""

import re
from typing import Final

from daytrader.domain.money import LARGEST_CENTS
from daytrader.domain.quote import Hit

LONGEST_LINE: Final = 4096
"""Bytes; an honest answer has about 160."""

_SYMBOL: Final = re.compile(r"[A-Z]{1,3}", re.ASCII)
_USER: Final = re.compile(r"[A-Za-z0-9]{1,64}", re.ASCII)
_PRICE: Final = re.compile(r"([0-9]{1,14})\.([0-9]{2})[0-9]*", re.ASCII)
_TIME: Final = re.compile(r"[0-9]{1,15}", re.ASCII)
_CRYPTOKEY: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}", re.ASCII)


def request_line(symbol: str, user: str) -> bytes:
    """Write the question.

    Raises:
        ValueError: `symbol` is not 1 to 3 capitals or `user` not 1 to 64 letters and digits.
    """
    if not _SYMBOL.fullmatch(symbol):
        raise ValueError(f"cannot ask for a quote of {symbol!r}: a symbol is 1 to 3 capitals")
    if not _USER.fullmatch(user):
        raise ValueError(f"cannot ask for a quote as {user!r}: a userid is 1 to 64 letters and digits")
    return f"{symbol},{user}\n".encode("ascii")


def read_answer(line: bytes, symbol: str, user: str) -> Hit:
    """Read the answer `price,SYMBOL,userid,timestamp_ms,cryptokey` to a question for `symbol` by `user`.

    Decimals after the second are cut. A price of 0 is read: it is no quote, but it was paid for.

    Raises:
        ValueError: the line is something else, or the answer to another question.
    """
    shown = line[:200]
    try:
        fields = line.decode("ascii").split(",")
    except UnicodeDecodeError:
        raise ValueError(f"its answer {shown!r} is not ASCII") from None
    if len(fields) != 5:
        raise ValueError(f"its answer {shown!r} has {len(fields)} fields instead of 5")
    price_text, its_symbol, its_user, time_text, rest = fields
    cryptokey = rest.strip(" \t\r\n")
    price = _PRICE.fullmatch(price_text)
    if price is None:
        raise ValueError(f"its price {price_text[:40]!r} is not dollars with two decimals")
    cents = int(price[1]) * 100 + int(price[2])
    if cents > LARGEST_CENTS:
        raise ValueError(f"its price {price_text[:40]!r} is more than {LARGEST_CENTS} cents")
    if (its_symbol, its_user) != (symbol, user):
        raise ValueError(f"it answered for {its_symbol[:80]!r}, {its_user[:80]!r} instead of {symbol!r}, {user!r}")
    if not _TIME.fullmatch(time_text):
        raise ValueError(f"its timestamp {time_text[:40]!r} is not a number of milliseconds")
    if not _CRYPTOKEY.fullmatch(cryptokey):
        raise ValueError(f"its cryptokey {cryptokey[:80]!r} is not base64")
    return Hit(symbol, user, cents, int(time_text), cryptokey)
