"""The thirty-one conformance cases on the bare domain, and on the reference model that others are compared with."""

import pytest

from tests.domain.desk import Desk
from tests.e2e.conformance import CASES, Case
from tests.reference.model import ReferenceModel


class Direct:
    """A conformance client without a network: time passes, and triggers are evaluated, only when it is advanced."""

    def __init__(self, system: Desk | ReferenceModel) -> None:
        self.system = system

    async def command(self, name: str, **params: str) -> tuple[int, str]:
        """Run a command."""
        return self.system.command(name, **params)

    async def advance(self, ms: int) -> None:
        """Turn the clock and evaluate the triggers."""
        self.system.now += ms
        self.system.evaluate_triggers()


def test_all_cases_are_there() -> None:
    """The cases are numbered 1 to 31."""
    assert [case.number for case in CASES] == list(range(1, 32))


@pytest.mark.parametrize("system", [Desk, ReferenceModel])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.number}-{case.title}")
async def test_conformance(case: Case, system: type[Desk] | type[ReferenceModel]) -> None:
    """The domain, and the reference model, behave as the case says."""
    await case.run(Direct(system(500)))
