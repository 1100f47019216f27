"""The clocks."""

from pathlib import Path

from daytrader.clock import TurnedClock, boot_seconds, clock_of, system_clock


def test_a_turned_clock_is_turned_for_everybody_who_reads_its_file(tmp_path: Path) -> None:
    """Two clocks on one file show the same time after one of them was turned."""
    one, other = TurnedClock(tmp_path / "clock"), TurnedClock(tmp_path / "clock")
    before = system_clock()
    one.turn(61_000)
    one.turn(4_000)
    assert before + 65_000 <= other() <= system_clock() + 65_000


def test_a_stopped_clock_is_still_turned(tmp_path: Path) -> None:
    """Time stands still for everybody, and goes on by what the clock is turned."""
    one, other = TurnedClock(tmp_path / "clock"), TurnedClock(tmp_path / "clock")
    one.stop()
    at = other()
    while system_clock() <= at + 2:
        assert other() == at
    one.turn(61_000)
    assert other() == at + 61_000


def test_without_a_file_the_machine_gives_the_time(tmp_path: Path) -> None:
    """No clock file means the system's clock, a file means one that can be turned."""
    assert clock_of("") is system_clock
    assert isinstance(clock_of(str(tmp_path / "clock")), TurnedClock)


def test_boot_seconds_never_go_back() -> None:
    """Two readings are in order."""
    first = boot_seconds()
    assert boot_seconds() >= first
