"""Renderings that many tests look at."""

import pytest

from tests.chart.rendering import PROFILES, Rendered, render


@pytest.fixture(params=PROFILES)
def rendered(request: pytest.FixtureRequest) -> Rendered:
    """The chart under each profile."""
    return render(PROFILES[request.param])


@pytest.fixture
def small() -> Rendered:
    """The chart as it comes."""
    return render({})
