"""`daytrader bench`: what it refuses before it measures anything."""

import pytest
from click.testing import CliRunner

from daytrader.cli.bench import bench


@pytest.mark.parametrize("both", [("--flat", "--batch"), ("--flat", "--auth"), ("--batch", "--auth")])
def test_one_benchmark_at_a_time(both: tuple[str, str]) -> None:
    """Nobody waits for minutes to see that one of two was left out."""
    result = CliRunner().invoke(bench, both)
    assert result.exit_code == 2
    assert "give one of them" in result.output
