"""Whose word about the client is believed."""

from ipaddress import ip_network

import pytest
from starlette.requests import Request

from daytrader.web.page.proxies import Proxies

TRUSTED = Proxies([ip_network("10.0.0.0/8"), ip_network("fd00::/8")])


def asked(peer: str, *said: str, proto: str = "", scheme: str = "http") -> Request:
    """Return a request from `peer` that says `said` in X-Forwarded-For."""
    headers = [(b"x-forwarded-for", one.encode()) for one in said]
    if proto:
        headers.append((b"x-forwarded-proto", proto.encode()))
    return Request({"type": "http", "client": (peer, 1), "headers": headers, "scheme": scheme})


@pytest.mark.parametrize(
    ("peer", "said", "client"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.1"], "192.0.2.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("fd00::1", ["2001:db8::1"], "2001:db8::1"),
        ("10.0.0.1", ["rubbish"], "rubbish"),
        ("10.0.0.1", ["198.51.100.1, rubbish"], "rubbish"),
        ("", ["198.51.100.1"], ""),
    ],
)
def test_the_client_is_the_last_that_is_no_proxy(peer: str, said: list[str], client: str) -> None:
    """What stands left of it anybody may have written."""
    assert TRUSTED.client(asked(peer, *said)) == client


def test_without_proxies_nobody_is_believed() -> None:
    """Not even who is on the same machine."""
    request = asked("127.0.0.1", "198.51.100.1", proto="https")
    assert Proxies().client(request) == "127.0.0.1"
    assert not Proxies().secure(request)


def test_who_comes_by_https() -> None:
    """Whoever does, whoever's proxy says so, and everybody where the setting says so."""
    assert TRUSTED.secure(asked("192.0.2.1", scheme="https"))
    assert TRUSTED.secure(asked("10.0.0.1", proto="https"))
    assert not TRUSTED.secure(asked("192.0.2.1", proto="https"))
    assert not TRUSTED.secure(asked("10.0.0.1", proto="http"))
    assert Proxies(secure=True).secure(asked("192.0.2.1"))
