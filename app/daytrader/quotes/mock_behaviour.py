"""How the mock quote server behaves: every answer is a function of a seed, the symbol and the answer's number."""

import base64
import hashlib
from typing import Final, Literal, get_args

Latency = Literal["none", "real"]
Failure = Literal["close", "garbage", "zero"]
"""Closes without an answer; answers a line that is no answer; gives a price of zero."""

Mood = Literal["well", "slow", "failing"]
"""As told; every answer so many seconds later; every connection closed without an answer."""

SLOW_S: Final = 3.0

SHARE_AT_ONCE: Final = 0.66
AT_ONCE_S: Final = (0.007, 0.026)
SHARE_BY_SECOND: Final = (0.1988, 0.0868, 0.0379, 0.0165)
"""Of all answers, those that take 1, 2, 3 and 4 s.

Known of the real server: 66 % in 7-26 ms (16.5 ms on average), the rest on whole seconds up to 4, the mean of all
563 ms. So the rest adds 0.563 - 0.66 * 0.0165 = 0.552 s to the mean; shares that fall by the same factor (0.4366)
from second to second add just that: 1 * 0.1988 + 2 * 0.0868 + 3 * 0.0379 + 4 * 0.0165.
"""


def mood_of(text: str) -> Mood | None:
    """Return the mood that `text` names; None where it names none."""
    return next((mood for mood in get_args(Mood) if mood == text), None)


class Draws:
    """The random numbers of the `number`th answer for `symbol`: the same ones for the same seed, in any process."""

    def __init__(self, seed: int, symbol: str, number: int) -> None:
        self._digest = hashlib.blake2b(f"{seed},{symbol},{number}".encode(), digest_size=64).digest()

    def cryptokey(self) -> str:
        """56 base64 characters; a quarter of them with the blanks or the CR that the real server leaves behind."""
        key = base64.b64encode(self._digest[:42]).decode("ascii")
        return key + ("  ", "\r", "", "", "", "", "", "")[self._digest[42] % 8]

    def delay_s(self) -> float:
        """How long the real server would take."""
        draw = self._unit(44)
        if draw < SHARE_AT_ONCE:
            shortest, longest = AT_ONCE_S
            return shortest + (longest - shortest) * draw / SHARE_AT_ONCE
        draw -= SHARE_AT_ONCE
        for second, share in enumerate(SHARE_BY_SECOND, start=1):
            if draw < share:
                return float(second)
            draw -= share
        return float(len(SHARE_BY_SECOND))

    def failure(self, rate: float) -> Failure | None:
        """What goes wrong, at `rate` of the answers: in half of the cases the connection just closes."""
        if self._unit(48) >= rate:
            return None
        kinds: tuple[Failure, ...] = ("close", "close", "garbage", "zero")
        return kinds[self._digest[43] % 4]

    def first_price(self) -> int:
        """Where a random walk starts: 10.00 to 300.00, in cents."""
        return 1_000 + int(29_000 * self._unit(52))

    def next_price(self, price: int) -> int:
        """One step of a random walk, in cents: up to 2 % up or down, never below a cent."""
        reach = max(1, price // 50)
        return max(1, price - reach + int((2 * reach + 1) * self._unit(56)))

    def _unit(self, offset: int) -> float:
        """A number from 0 to below 1."""
        return int.from_bytes(self._digest[offset : offset + 4], "big") / 2**32
