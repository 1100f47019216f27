"""How often a password may be tried: so often for a name, whoever tries, and so often from an address."""

import ipaddress
from collections import OrderedDict
from typing import Final

import msgspec

from daytrader.clock import Clock


class Allowance(msgspec.Struct, frozen=True):
    """So many tries at once, and one more after each `every_ms`."""

    burst: int
    every_ms: int


A_NAME: Final = Allowance(10, 30_000)
AN_ADDRESS: Final = Allowance(50, 5_000)

MOST_KEPT: Final = 10_000
"""Names, and addresses, that are remembered; the ones tried longest ago are forgotten first."""


class Tries:
    """Counts tries in this process: with several web replicas each allows as many."""

    def __init__(self, clock: Clock, a_name: Allowance = A_NAME, an_address: Allowance = AN_ADDRESS) -> None:
        self._clock = clock
        self._names = _Counted(a_name)
        self._addresses = _Counted(an_address)

    def take(self, name: str, address: str) -> int:
        """Take a try for `name` from `address`, and return 0; or the ms to wait, and nothing is taken."""
        now, network = self._clock(), network_of(address)
        wait = max(self._names.wait(name, now), self._addresses.wait(network, now))
        if not wait:
            self._names.take(name, now)
            self._addresses.take(network, now)
        return wait

    def give_back(self, name: str, address: str) -> None:
        """Undo a `take`: the password was the right one."""
        self._names.give_back(name)
        self._addresses.give_back(network_of(address))


def network_of(address: str) -> str:
    """Return what counts as one place: an IPv4 address, or the /64 of an IPv6 address, which is one customer's."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.IPv6Network((int(found), 64), strict=False))
    return str(found)


class _Counted:
    """For each key the moment at which all its tries are there again: one number is all there is to remember."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._whole_at: OrderedDict[str, int] = OrderedDict()

    def wait(self, key: str, now: int) -> int:
        spent_ms = max(0, self._whole_at.get(key, now) - now)
        return max(0, spent_ms - (self._allowance.burst - 1) * self._allowance.every_ms)

    def take(self, key: str, now: int) -> None:
        self._whole_at[key] = max(self._whole_at.get(key, now), now) + self._allowance.every_ms
        self._whole_at.move_to_end(key)
        if len(self._whole_at) > MOST_KEPT:
            self._whole_at.popitem(last=False)

    def give_back(self, key: str) -> None:
        if key in self._whole_at:
            self._whole_at[key] -= self._allowance.every_ms
