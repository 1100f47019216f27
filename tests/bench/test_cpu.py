"""CPU seconds by part."""

import os

import pytest

from daytrader.bench.cpu import CpuMeter, part_of


@pytest.mark.parametrize(
    ("process", "part"),
    [("data-0", "data set"), ("audit-2", "audit set"), ("web-1", "web"), ("audit", "audit"), ("redis", "redis")],
)
def test_processes_belong_to_parts(process: str, part: str) -> None:
    """Members belong to their set, replicas to their service."""
    assert part_of(process) == part


def test_the_meter_counts_from_its_making() -> None:
    """Work done after the meter was made shows in the part that did it."""
    meter = CpuMeter({"web-0": os.getpid()})
    while meter.seconds()["web"] < 0.05:
        sum(range(100_000))
    assert meter.resident_mb()["web-0"] > 1
