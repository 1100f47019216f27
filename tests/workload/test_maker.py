"""Workload files as the maker writes them."""

import itertools
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from daytrader.workload import maker
from daytrader.workload.file import Workload
from tests.reference.model import ReferenceModel


def made(users: int, commands: int, seed: int = 1) -> list[list[str]]:
    """The commands of a made file with their arguments, without the DUMPLOG."""
    lines = list(maker.lines(users, commands, seed))
    assert len(lines) == commands
    return [line.split(" ", 1)[1].strip().split(",") for line in lines[:-1]]


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    """Two files of one seed are equal, one of another seed is not."""
    files = [tmp_path / name for name in ("a", "b", "c")]
    for file, seed in zip(files, (3, 3, 4), strict=True):
        maker.write(file, 20, 3_000, seed)
    first, second, other = (file.read_bytes() for file in files)
    assert first == second
    assert first != other
    assert sorted(tmp_path.iterdir()) == files


def test_lines_have_the_real_shape() -> None:
    """Numbered from 1, with a blank at the end; ten-letter users; symbols of 1 or 3 capitals; the DUMPLOG last."""
    lines = list(maker.lines(10, 2_000, 1))
    shape = re.compile(r"\[(\d+)\] [A-Z_]+,[A-Za-z0-9]{10}(,([A-Z]|[A-Z]{3}))?(,\d+\.\d\d)? \n", re.ASCII)
    for number, line in enumerate(lines[:-1], 1):
        match = shape.fullmatch(line)
        assert match is not None, line
        assert int(match[1]) == number
    assert lines[-1] == "[2000] DUMPLOG,./testLOG\n"


@pytest.mark.parametrize(("users", "commands"), [(1, 2_000), (100, 100_000), (2_000, 40_000)])
def test_the_mix_is_that_of_real_files(users: int, commands: int) -> None:
    """Each command's share is the specified one, but for chance."""
    counts = Counter(command for command, *_ in made(users, commands))
    tolerance = 2.5 if commands < 10_000 else 0.5
    for command, percent in maker.MIX.items():
        assert counts[command] / commands * 100 == pytest.approx(percent, abs=tolerance), command


@pytest.mark.parametrize(("users", "commands"), [(1, 2_000), (100, 50_000), (5_000, 50_000)])
def test_about_a_quarter_is_refused(users: int, commands: int) -> None:
    """A system that follows the rules, with quotes of 5.00, refuses a quarter of the commands."""
    model = ReferenceModel()
    outcomes = Counter(model.line(f"[1] {','.join(command)}")[0] for command in made(users, commands))
    assert set(outcomes) == {200, 400}
    assert outcomes[400] / commands == pytest.approx(0.25, abs=0.04)


def test_users_begin_with_an_add_and_are_interleaved() -> None:
    """Every user comes, first with ADD; neighbouring lines are mostly of different users."""
    commands = made(100, 5_000)
    first: dict[str, str] = {}
    for command, user, *_ in commands:
        first.setdefault(user, command)
    assert len(first) == 100
    assert set(first.values()) == {"ADD"}
    same = sum(one[1] == next_one[1] for one, next_one in itertools.pairwise(commands))
    assert same < 200


def test_a_user_of_a_large_file_has_ten_symbols() -> None:
    """The symbols are spread over users, ten each."""
    symbols = defaultdict(set)
    for command, user, *rest in made(200, 40_000):
        if rest and command != "ADD":
            symbols[user].add(rest[0])
    assert {len(each) for each in symbols.values()} == {10}
    assert len(set.union(*symbols.values())) == 50


def test_amounts_are_those_of_real_files() -> None:
    """ADD gives 12.7 to 131 thousand dollars; orders are of 750 at most, 375 in the mean; triggers lie at 140."""
    amounts = defaultdict(list)
    for command, _, *rest in made(100, 50_000):
        if rest and "." in rest[-1]:
            amounts[command].append(float(rest[-1]))
    assert 12_700 <= min(amounts["ADD"]) < max(amounts["ADD"]) <= 131_000
    for command, mean in {"BUY": 375, "SET_BUY_AMOUNT": 375, "SET_BUY_TRIGGER": 140}.items():
        assert 0.01 <= min(amounts[command]) < max(amounts[command]) <= 750
        assert sum(amounts[command]) / len(amounts[command]) == pytest.approx(mean, rel=0.05)


def test_as_many_users_as_fit_are_all_in(tmp_path: Path) -> None:
    """The smallest file is an ADD for each user and the DUMPLOG."""
    maker.write(tmp_path / "file", 1_000, 1_001, seed=5)
    with Workload.open(tmp_path / "file") as workload:
        assert workload.users == 1_000


@pytest.mark.parametrize(("users", "commands"), [(0, 10), (10, 10)])
def test_too_few_commands_are_refused(tmp_path: Path, users: int, commands: int) -> None:
    """Where the users do not fit, nothing is written."""
    with pytest.raises(ValueError, match="commands at least"):
        maker.write(tmp_path / "file", users, commands, seed=1)
    assert list(tmp_path.iterdir()) == []


def test_progress_is_told(tmp_path: Path) -> None:
    """Making says how many lines are written, every 10,000."""
    told: list[int] = []
    maker.write(tmp_path / "file", 10, 25_000, 1, told.append)
    assert told == [10_000, 20_000]
