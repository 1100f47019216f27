"""What the services and the operator export, read off their own registry: nothing else has to be kept in step."""

import functools
import importlib
import re
from typing import Final

import prometheus_client

MODULES: Final = (
    "daytrader.metrics",
    "daytrader.audit.metrics",
    "daytrader.journal.metrics",
    "daytrader.quotes.metrics",
    "daytrader.transaction.metrics",
    "daytrader.web.metrics",
    "daytrader_operator.metrics",
)

PROMETHEUS_OWN: Final = frozenset({"up", "ALERTS"})
FROM_KUBE_STATE_METRICS: Final = frozenset({"kube_horizontalpodautoscaler_status_condition"})

_FAMILY: Final = re.compile(r"^# TYPE (\S+) (\S+)$", re.MULTILINE)
_CREATED: Final = "_created"
"""When a counter began: nobody asks for that."""

_SUFFIXES: Final = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("", "_sum", "_count")}


@functools.cache
def exported_names() -> frozenset[str]:
    """Return the names of all series that a scrape of our processes may bring, also those that have no sample yet."""
    for module in MODULES:
        importlib.import_module(module)
    families = _FAMILY.findall(prometheus_client.generate_latest().decode())
    return frozenset(
        name + suffix for name, kind in families if not name.endswith(_CREATED) for suffix in _SUFFIXES.get(kind, ("",))
    )
