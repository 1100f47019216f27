"""The 31 conformance cases over HTTP, on the embedded system and on a cluster of real processes."""

import pytest

from tests.e2e.conformance import CASES, Case
from tests.e2e.conftest import MODES
from tests.e2e.installation import Installation


@pytest.mark.parametrize("installation", MODES, indirect=True)
@pytest.mark.parametrize("case", CASES, ids=[f"{case.number}" for case in CASES])
async def test_conformance(installation: Installation, case: Case) -> None:
    """The system does what the case says."""
    await case.run(installation)
