"""What is counted about quotes; every counter exists at 0 from the start."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

COST_DOLLARS: Final = 0.05
"""What one answer of the quote server costs, whatever it was good for."""

RESULTS: Final = ("memory", "shared", "joined", "server", "unavailable", "abandoned")
FAILURES: Final = ("unreachable", "silent", "closed", "garbled", "zero", "busy")

REQUESTS = Counter(
    "daytrader_quote_requests_total",
    "Quotes needed, by where they came from: this process' memory, the shared cache, an answer another command was"
    " waiting for already, the quote server; unavailable where none came, abandoned where the asker went away.",
    ["result"],
)
HITS = Counter("daytrader_quote_server_hits_total", "Answers of the quote server, each of which is paid for.")
STRAY_HITS = Counter("daytrader_quote_stray_hits_total", "Paid answers that came for no command any more.")
COST = Counter("daytrader_quote_cost_dollars_total", "What the quote server's answers cost, in dollars.")
HEDGES = Counter("daytrader_quote_hedges_total", "Second requests sent because the first was slow to be answered.")
SERVER_FAILURES = Counter(
    "daytrader_quote_server_failures_total", "Requests to the quote server that gave no quote, by reason.", ["reason"]
)
SERVER_SECONDS = Histogram(
    "daytrader_quote_server_seconds",
    "From sending a request to the quote server to its answer.",
    # Two thirds answer in 7-26 ms; the rest sit on whole seconds, so the upper bounds stand just above those.
    buckets=(0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.05, 0.1, 0.5, 1.1, 2.1, 3.1, 4.1),
)
CACHE_UP = Gauge("daytrader_quote_cache_up", "1 while the shared quote cache answers, 0 while it is left alone.")
CACHE_FAILURES = Counter("daytrader_quote_cache_failures_total", "Operations of the shared quote cache that failed.")

for _result in RESULTS:
    REQUESTS.labels(_result)
for _reason in FAILURES:
    SERVER_FAILURES.labels(_reason)


def count_hit(seconds: float) -> None:
    """Count one paid answer that took `seconds`."""
    HITS.inc()
    COST.inc(COST_DOLLARS)
    SERVER_SECONDS.observe(seconds)
