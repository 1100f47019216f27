"""What is counted exists from the start."""

import subprocess
import sys


class TestCounters:
    def test_everything_counts_from_zero(self) -> None:
        """Before anything has happened every counter is there, at 0, with all its labels."""
        script = "import daytrader.audit.metrics, prometheus_client as p; print(p.generate_latest().decode())"
        text = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
        samples = dict(line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("daytrader_audit_"))
        counters = {name: value for name, value in samples.items() if "_created" not in name}
        assert set(counters.values()) == {"0.0"}
        assert 'daytrader_audit_dumps_total{end="complete",kind="user"}' in counters
        assert "daytrader_audit_records_stored_total" in counters
        assert "daytrader_audit_lag_seconds" in counters
