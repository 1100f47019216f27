"""The longest time without an acknowledgement."""

import pytest

from daytrader.workload.quiet import QuietSpells, Spell, longest


def process(*acknowledged: float, start: float = 0.0) -> tuple[list[Spell], float]:
    """What a process tells that had acknowledgements at these times."""
    quiet = QuietSpells()
    quiet.begin(start)
    for now in acknowledged:
        quiet.acknowledge(now)
    return quiet.spells(), quiet.last


def test_one_process() -> None:
    """The longest stretch between two acknowledgements counts, the one before the first too."""
    assert longest([process(0.1, 0.2, 0.7, 0.8)]) == pytest.approx(0.5)
    assert longest([process(0.9, 1.0)]) == pytest.approx(0.9)


def test_an_acknowledgement_anywhere_ends_a_spell() -> None:
    """Over several processes only what is quiet in all of them counts."""
    assert longest([process(0.1, 1.0), process(0.6, 1.1)]) == pytest.approx(0.5)
    assert longest([process(0.1, 1.0), process(0.1, 1.0)]) == pytest.approx(0.9)


def test_a_process_that_is_done_says_nothing() -> None:
    """After its last acknowledgement a process is quiet, and the others go on."""
    assert longest([process(0.1), process(0.2, 0.9)]) == pytest.approx(0.7)
    assert longest([process(), process(0.3, 0.9)]) == pytest.approx(0.6)


def test_short_spells_are_none() -> None:
    """Under five milliseconds nothing is kept."""
    assert longest([process(*(0.004 * step for step in range(100)))]) == 0.0
    assert longest([process()]) == 0.0


def test_segments_are_apart() -> None:
    """A new segment begins with nothing from the one before."""
    quiet = QuietSpells()
    quiet.begin(0.0)
    quiet.acknowledge(0.5)
    quiet.begin(10.0)
    quiet.acknowledge(10.1)
    assert quiet.spells() == [(10.0, 10.1)]
