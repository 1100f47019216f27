"""Named cases: what each shows, how long it may take, and the function that shows it."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.cluster.world import World

Steps = Callable[[World], None]


@dataclass(frozen=True, slots=True)
class Case:
    """One line of what the suite must show."""

    name: str
    title: str
    minutes: float
    """After this time it has failed."""
    steps: Steps


CASES: dict[str, Case] = {}
"""In the order in which the whole suite runs them."""


def case(name: str, *, minutes: float) -> Callable[[Steps], Steps]:
    """Enter a function as a case; the first line of its docstring tells what it shows."""

    def enter(steps: Steps) -> Steps:
        title = (steps.__doc__ or "").strip().splitlines()[0]
        if name in CASES:
            raise ValueError(f"there are two cases of the name {name}")
        CASES[name] = Case(name, title, minutes, steps)
        return steps

    return enter
