"""The desk: where every command of the API becomes a request."""

import msgspec
import pytest

from daytrader.domain.command import Command, Fault, parse
from daytrader.tracing import Tracing
from daytrader.web.api.desk import Desk, command_of
from daytrader.web.dispatch import RequestIds
from tests.test_tracing import PARENT, collector  # noqa: F401  a fixture
from tests.web.stand_in import Behind


@pytest.mark.parametrize("cents", [1, 99, 100, 12_345, 10**15])
def test_cents_are_as_dollars(cents: int) -> None:
    """A command by cents is the command that dollars give."""
    dollars = f"{cents // 100}.{cents % 100:02d}"
    assert command_of("BUY", "bob", "DOG", cents) == parse("BUY", "bob", "DOG", dollars)


def test_a_missing_amount_fails_its_check() -> None:
    """A command without the amount that it takes is one to be refused."""
    assert command_of("ADD", "bob") == Command("ADD", "bob", faults=(Fault("amount", "", "Invalid amount"),))
    assert command_of("COMMIT_BUY", "bob") == Command("COMMIT_BUY", "bob")


async def test_a_command_is_traced(request: pytest.FixtureRequest, behind: Behind) -> None:
    """Where traces are made, the command goes on in the trace of whoever asks, and nothing else of it changes."""
    url, bodies = request.getfixturevalue("collector")
    tracing = Tracing(url, "web", "web-0")
    desk = Desk(behind, RequestIds(), partitions=16, clock=lambda: 7, tracing=tracing)
    asked = desk.request(Command("COMMIT_BUY", "bob"), b"mine", None)
    assert (await desk.decide(asked, "COMMIT_BUY", PARENT)).status == 200
    tracing.close()
    (sent,) = behind.requests
    assert sent.trace.split("-")[1] == PARENT.split("-")[1]
    assert msgspec.structs.replace(sent, trace="") == asked
    assert any(b"command COMMIT_BUY" in body for body in bodies)
