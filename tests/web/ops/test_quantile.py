"""Quantiles out of buckets."""

from hypothesis import example, given
from hypothesis import strategies as st

from daytrader.web.ops.quantile import quantile

BOUNDS = (0.1, 0.2, 0.5, 1.0)


def test_within_a_bucket_values_lie_evenly() -> None:
    """Half of ten in the bucket from 0.1 to 0.2 lie below 0.15."""
    assert quantile(0.5, {"0.1": 0, "0.2": 10, "+Inf": 10}) == 0.15000000000000002


def test_nothing_has_no_quantile() -> None:
    """Without a value there is none, not 0."""
    assert quantile(0.5, {}) is None
    assert quantile(0.5, {"0.1": 0, "+Inf": 0}) is None


def test_beyond_the_last_bound_is_that_bound() -> None:
    """How far beyond, nobody knows."""
    assert quantile(0.99, {"0.1": 0, "+Inf": 5}) == 0.1


@example([0.5, 0.5, 0.5, 0.0625, 0.0625, 0.0625], 0.5)  # 0.1 * 3 / 3 is more than 0.1
@given(st.lists(st.floats(0.001, 0.999), min_size=1, max_size=200), st.sampled_from([0.1, 0.5, 0.9, 0.99]))
def test_it_lies_in_the_bucket_of_the_true_one(values: list[float], share: float) -> None:
    """Whatever the values are, the true quantile and this one are in the same bucket."""
    buckets = {str(bound): float(sum(value <= bound for value in values)) for bound in BOUNDS}
    found = quantile(share, {**buckets, "+Inf": float(len(values))})
    rank = max(1, -(-share * len(values) // 1))
    true = sorted(values)[min(len(values), int(rank)) - 1]
    upper = next(bound for bound in BOUNDS if true <= bound)
    lower = max((bound for bound in BOUNDS if bound < upper), default=0.0)
    assert found is not None
    assert lower <= found <= upper
