"""Ports for local servers."""

import socket
from pathlib import Path

from daytrader.local.ports import answers, free_port, is_free, kept_ports


def test_a_port_with_a_listener_is_not_free() -> None:
    """A listener takes its port, and gives it back when it closes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert not is_free(port)
    assert is_free(port)


def test_free_ports_stay_out_of_the_range_for_outgoing_connections() -> None:
    """No outgoing connection can take the port of a server that is just being started again."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    port = free_port()
    assert port < lowest
    assert is_free(port)


def test_kept_ports_are_the_same_at_every_start(tmp_path: Path) -> None:
    """Names keep their ports, new names get ports of their own beside them."""
    path = tmp_path / "new" / "ports.json"
    first = kept_ports(path, ["a", "b"])
    second = kept_ports(path, ["b", "c"])
    assert second["b"] == first["b"]
    assert len({*first.values(), *second.values()}) == 3


async def test_answers_tells_whether_somebody_listens() -> None:
    """A port answers while a server listens on it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert await answers(port)
    assert not await answers(port)
