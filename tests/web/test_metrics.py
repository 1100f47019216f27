"""What is counted of commands."""

from prometheus_client import CollectorRegistry, generate_latest

from daytrader.domain.command import COMMAND_NAMES
from daytrader.web.metrics import UNKNOWN_COMMAND, CommandMetrics
from tests.web.client import exchange, get
from tests.web.conftest import Gained


def _registry() -> tuple[CommandMetrics, CollectorRegistry]:
    commands = CommandMetrics()
    registry = CollectorRegistry()
    registry.register(commands)
    return commands, registry


def test_every_counter_exists_at_zero() -> None:
    """Rates are right from the first command on, because every label is there before."""
    _, registry = _registry()
    for name in (*COMMAND_NAMES, UNKNOWN_COMMAND):
        for outcome in ("accepted", "refused", "failed", "overload", "denied"):
            labels = {"command": name, "outcome": outcome}
            assert registry.get_sample_value("daytrader_commands_total", labels) == 0


def test_commands_are_counted_by_outcome() -> None:
    """200 is accepted, 429 overload, 401 and 403 denied, any other 4xx refused, and 5xx failed."""
    commands, registry = _registry()
    for status in (200, 200, 400, 422, 413, 429, 500, 503, 401, 403):
        commands.answered("ADD", status, 0.001)
    counts = {
        outcome: registry.get_sample_value("daytrader_commands_total", {"command": "ADD", "outcome": outcome})
        for outcome in ("accepted", "refused", "failed", "overload", "denied")
    }
    assert counts == {"accepted": 2, "refused": 3, "failed": 2, "overload": 1, "denied": 2}


def test_latency_is_a_histogram() -> None:
    """A latency counts for its command, in every bucket whose bound it does not exceed, and in sum and count."""
    commands, registry = _registry()
    for seconds in (0.0005, 0.001, 0.03, 20.0):
        commands.answered("QUOTE", 200, seconds)
    assert registry.get_sample_value("daytrader_web_seconds_bucket", {"command": "QUOTE", "le": "0.001"}) == 2
    assert registry.get_sample_value("daytrader_web_seconds_bucket", {"command": "QUOTE", "le": "0.032"}) == 3
    assert registry.get_sample_value("daytrader_web_seconds_bucket", {"command": "QUOTE", "le": "10.0"}) == 3
    assert registry.get_sample_value("daytrader_web_seconds_bucket", {"command": "QUOTE", "le": "+Inf"}) == 4
    assert registry.get_sample_value("daytrader_web_seconds_count", {"command": "QUOTE"}) == 4
    assert registry.get_sample_value("daytrader_web_seconds_count", {"command": "ADD"}) == 0
    assert b"# TYPE daytrader_web_seconds histogram" in generate_latest(registry)


async def test_unknown_commands_are_counted(port: int, gained: Gained) -> None:
    """A request for no command that there is, is counted under a name of its own."""
    await exchange(port, get("/command/NONE"))
    assert gained("daytrader_commands_total", command=UNKNOWN_COMMAND, outcome="refused") == 1
