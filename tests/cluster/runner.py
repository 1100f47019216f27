"""Runs cases one after the other, each bounded in time, and keeps what they brought."""

import signal
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tests.cluster import outcome
from tests.cluster.case import CASES, Case
from tests.cluster.outcome import Outcome
from tests.cluster.shell import CaseFailedError, OutOfTimeError
from tests.cluster.world import World


def run_cases(world: World, cases: list[Case], json_file: Path) -> list[Outcome]:
    """Run the cases in this order; every outcome goes into the file at once."""
    outcomes = []
    for number, each in enumerate(cases, 1):
        world.say(f"── {number}/{len(cases)} {each.name}: {each.title}")
        outcomes.append(_run(world, each))
        outcome.keep(json_file, outcomes[-1], list(CASES))
        last = outcomes[-1]
        figures = ", ".join(f"{name} {figure}" for name, figure in last.figures.items())
        world.say(f"   {last.result} after {last.seconds:.0f} s. {figures} {last.message}")
    return outcomes


def _run(world: World, each: Case) -> Outcome:
    world.start(each.name)
    began, start = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    message = ""
    try:
        with _limit(each.minutes):
            each.steps(world)
    except (CaseFailedError, OutOfTimeError) as error:
        message = f"{error} (see {world.keep_evidence()})"
    except Exception as error:  # one broken case must not hide what the others show
        message = f"{error!r} (see {world.keep_evidence()})"
        traceback.print_exc()
    return Outcome(
        case=each.name,
        title=each.title,
        result="failed" if message else "passed",
        began=began,
        seconds=round(time.monotonic() - start, 1),
        figures=dict(world.figures),
        message=message,
    )


@contextmanager
def _limit(minutes: float) -> Iterator[None]:
    """Raise OutOfTimeError in the context after so many minutes."""

    def over(*_: object) -> None:
        raise OutOfTimeError(f"the case was not at its end after {minutes:g} minutes")

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, minutes * 60)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
