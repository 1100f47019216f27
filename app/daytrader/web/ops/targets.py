"""Whose metrics the operations page is made of."""

from collections.abc import Sequence
from typing import Final, Literal, get_args

import msgspec

from daytrader.membership import Addresses, host_and_port, listed, resolved

Role = Literal["web", "transaction", "audit", "operator"]
"""What a service is for; one that is several at a time is asked once for each."""

ROLES: Final[tuple[Role, ...]] = get_args(Role)

_DNS: Final = "dns://"


class Target(msgspec.Struct, frozen=True):
    """Services of one role, whose metrics are below each of the URLs that `addresses` tells."""

    role: Role
    shown: str
    """How it was given."""
    addresses: Addresses


def targets_of(text: str) -> tuple[Target, ...]:
    """Return the targets in `text`: ROLE=http://HOST:PORT, or ROLE=dns://HOST:PORT of a headless Service, by commas.

    Raises:
        ValueError: one of them is none; the message says which, and what is expected.
    """
    return tuple(_target(one.strip()) for one in text.split(",") if one.strip())


def _target(text: str) -> Target:
    name, _, url = text.partition("=")
    role = next((role for role in ROLES if role == name), None)
    if role is None:
        raise ValueError(f"{text!r} names no role: give ROLE=URL, and as ROLE one of {', '.join(ROLES)}")
    return Target(role, url, _addresses(text, url))


def _addresses(text: str, url: str) -> Addresses:
    if url.startswith(_DNS):
        host_and_port(url.removeprefix(_DNS))
        return resolved(url.removeprefix(_DNS))
    if url.startswith(("http://", "https://")):
        return listed(url)
    raise ValueError(f"{text!r} has no address: give http://HOST:PORT, or dns://HOST:PORT of a headless Service")


def shown_roles(targets: Sequence[Target]) -> frozenset[Role]:
    """Return the roles of which at least one service should answer."""
    return frozenset(target.role for target in targets)
