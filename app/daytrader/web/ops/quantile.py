"""A quantile out of a histogram's buckets, as Prometheus works it out."""

from collections.abc import Mapping


def quantile(share: float, buckets: Mapping[str, float]) -> float | None:
    """Return the value below which `share` (0 to 1) of all lie; None where there are none.

    `buckets` tells for each upper bound (text, "+Inf" among them) how many are not above it. Within a bucket they are
    taken to lie evenly; beyond the last finite bound that bound is returned.
    """
    rows = sorted((float(bound), count) for bound, count in buckets.items())
    if not rows or rows[-1][1] <= 0:
        return None
    wanted = share * rows[-1][1]
    below, lower = 0.0, 0.0
    for bound, count in rows:
        if count >= wanted and count > below:
            if bound == float("inf"):
                return lower
            within = (bound - lower) * max(0.0, wanted - below) / (count - below)
            return min(bound, lower + within)  # rounding may lead beyond it
        below, lower = count, bound
    return lower
