"""What tests of dashboards ask."""

from collections.abc import Iterator

import pytest

from tests.observability.stand_in import StandIn, stand_in


@pytest.fixture
def prometheus() -> Iterator[StandIn]:
    """Something that answers like a Prometheus."""
    with stand_in() as served:
        yield served
