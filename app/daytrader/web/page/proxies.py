"""Where a request comes from: the client itself, or a proxy in front of us that says for whom it asks."""

import ipaddress
from collections.abc import Iterable, Iterator
from typing import Final

from starlette.requests import HTTPConnection

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_MOST_HOPS: Final = 20


class Proxies:
    """Believes X-Forwarded-For and X-Forwarded-Proto of the proxies that it was told of, and of nobody else."""

    def __init__(self, networks: Iterable[Network] = (), *, secure: bool = False) -> None:
        """`networks` are those of the proxies; `secure` says that all clients come by https."""
        self._networks = tuple(networks)
        self._secure = secure

    def client(self, request: HTTPConnection) -> str:
        """Return the client's address: the last one that is no proxy's."""
        address = request.client.host if request.client is not None else ""
        for said in _from_the_right(request):
            if not self._is_proxy(address):
                break
            address = said
        return address

    def secure(self, request: HTTPConnection) -> bool:
        """Return whether the client comes by https."""
        if self._secure or request.scope["scheme"] == "https":
            return True
        address = request.client.host if request.client is not None else ""
        return self._is_proxy(address) and request.headers.get("x-forwarded-proto", "").strip().lower() == "https"

    def _is_proxy(self, address: str) -> bool:
        if not self._networks:
            return False
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        return any(found in network for network in self._networks)


def _from_the_right(request: HTTPConnection) -> Iterator[str]:
    """Yield what proxies said, the nearest first; what stands left of what a client may have sent is never trusted."""
    said = ",".join(request.headers.getlist("x-forwarded-for"))
    for text in reversed(said.split(",")[-_MOST_HOPS:] if said else []):
        yield text.strip()
