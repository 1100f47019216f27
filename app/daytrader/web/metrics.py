"""Metrics of the web service; what is counted for every command is counted in plain integers."""

from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate
from typing import Final

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from daytrader.domain.command import COMMAND_NAMES

OUTCOMES: Final = ("accepted", "refused", "failed", "overload", "denied")

LATENCY_BUCKETS: Final = (
    *(0.001, 0.002, 0.004, 0.008, 0.012, 0.016, 0.024, 0.032, 0.048, 0.064, 0.096, 0.128),
    *(0.256, 0.5, 1.0, 2.0, 5.0, 10.0),
)
"""Upper bounds in seconds; close together around the length of an append."""

UNKNOWN_COMMAND: Final = "unknown"

_BOUNDS: Final = (*map(str, LATENCY_BUCKETS), "+Inf")

_OUTCOME_OF: Final = {200: 0, 429: 3, 401: 4, 403: 4}

_SECONDS: Final = len(_BOUNDS)

_Row = tuple[list[int], list[float]]
"""What is counted of one command: by outcome; and by bucket of latency, with the seconds of all together at the end.

Lists in a tuple, because objects with names would cost a fifth more a command.
"""


class CommandMetrics(Collector):
    """Counts every answered command by name and outcome, and how long it took.

    A Counter and a Histogram of prometheus-client would cost five times as much a command, for their locks; everything
    here happens in the event loop's thread, and a scrape that reads in between is off by a command at the most.
    """

    def __init__(self) -> None:
        self._rows: dict[str, _Row] = {
            name: ([0] * len(OUTCOMES), [0] * len(_BOUNDS) + [0.0]) for name in (*COMMAND_NAMES, UNKNOWN_COMMAND)
        }

    def answered(self, name: str, status: int, seconds: float) -> None:
        """Count a command (or UNKNOWN_COMMAND) that was answered with the HTTP status `status`."""
        counts, latencies = self._rows[name]
        outcome = _OUTCOME_OF.get(status)
        counts[(1 if status < 500 else 2) if outcome is None else outcome] += 1
        latencies[bisect_left(LATENCY_BUCKETS, seconds)] += 1
        latencies[_SECONDS] += seconds

    def collect(self) -> Iterable[Metric]:
        """Yield the two metric families."""
        commands = CounterMetricFamily(
            "daytrader_commands",
            "Commands answered: accepted (200), refused (other 4xx), failed (5xx), overload (429), denied (401, 403).",
            labels=["command", "outcome"],
        )
        for name, (counts, _) in self._rows.items():
            for outcome, count in zip(OUTCOMES, counts, strict=True):
                commands.add_metric([name, outcome], count)
        yield commands
        latency = HistogramMetricFamily(
            "daytrader_web_seconds", "From a command's arrival until its answer.", labels=["command"]
        )
        for name, (_, latencies) in self._rows.items():
            buckets = zip(_BOUNDS, accumulate(latencies[:_SECONDS]), strict=True)
            latency.add_metric([name], list(buckets), latencies[_SECONDS])
        yield latency


COMMANDS: Final = CommandMetrics()
REGISTRY.register(COMMANDS)

IN_FLIGHT: Final = Gauge("daytrader_web_in_flight", "Commands that arrived and are not answered yet.")
BATCH_COMMANDS: Final = Histogram(
    "daytrader_web_batch_commands",
    "Commands in one batch or poll that was sent to a transaction replica.",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
)
RETRIES: Final = Counter(
    "daytrader_web_retries", "Commands sent again because their replica died, fell silent or did not take them."
)
POLLED: Final = Counter("daytrader_web_polled", "Commands asked for again because their replica was still at work.")
REPLICAS_READY: Final = Gauge("daytrader_web_replicas_ready", "Transaction replicas that take commands.")
DUMPS: Final = Counter("daytrader_web_dumps", "Dumps of the log, by how they ended.", ["result"])
for _result in ("complete", "broken", "abandoned"):
    DUMPS.labels(_result)
STREAMS: Final = Gauge("daytrader_web_streams", "Streams of accounts and quotes that clients read.")
