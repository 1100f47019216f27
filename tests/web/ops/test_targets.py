"""Whose metrics are asked for."""

import pytest

from daytrader.web.ops.targets import targets_of


async def test_a_list_names_services_by_their_roles() -> None:
    """Each has its role and its own address."""
    targets = targets_of("web=http://10.0.0.1:9100, transaction=http://10.0.0.2:9100/,audit=https://a:1")
    assert [target.role for target in targets] == ["web", "transaction", "audit"]
    assert [list(await target.addresses()) for target in targets] == [
        ["http://10.0.0.1:9100"],
        ["http://10.0.0.2:9100"],
        ["https://a:1"],
    ]


async def test_a_name_stands_for_every_address_that_dns_gives() -> None:
    """A headless Service has an address for each replica."""
    (target,) = targets_of("web=dns://localhost:9100")
    assert "http://127.0.0.1:9100" in await target.addresses()


def test_nothing_is_nobody() -> None:
    """An empty setting asks nobody."""
    assert targets_of(" ") == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("http://10.0.0.1:9100", "names no role"),
        ("database=http://10.0.0.1:9100", "one of web, transaction, audit, operator"),
        ("web=10.0.0.1:9100", "has no address"),
        ("web=dns://10.0.0.1", "no HOST:PORT"),
    ],
)
def test_what_is_no_target_is_said(text: str, says: str) -> None:
    """The message names what was given, and what is expected."""
    with pytest.raises(ValueError, match=says):
        targets_of(text)
