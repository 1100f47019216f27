"""Dashboards drawn from samples."""

from pathlib import Path

import pytest

from tests.observability.dashboards import DASHBOARDS, Dashboard
from tests.observability.pictures import draw
from tests.observability.samples import Series


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.title)
def test_all_kinds_of_panels_are_drawn(dashboard: Dashboard, tmp_path: Path) -> None:
    """Lines, states, single numbers and heat maps with several buckets are drawn into one picture."""
    found = {
        (panel.id, target.ref): [
            Series({"le": bound, "pod": "web-0"}, [0.0, 60.0, 120.0], [1.0, count, 2 * count])
            for bound, count in (("0.5", 3.0), ("+Inf", 4.0), ("0.25", 1.0))
        ]
        for panel in dashboard.pictures
        for target in panel.targets
    }
    file = tmp_path / "new" / "picture.png"
    draw(dashboard, found, file)
    assert file.read_bytes().startswith(b"\x89PNG")
