"""`daytrader quotes mock` as a process of its own."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from daytrader.cli.quotes import MOOD_EVERY, quotes

PROGRAM = [sys.executable, "-c", "from daytrader.cli.quotes import quotes; quotes()", "mock", "--port"]


@contextmanager
def running(*options: str) -> Iterator[tuple[subprocess.Popen[str], tuple[str, int]]]:
    """The program and the address it says it is ready at."""
    program = subprocess.Popen([*PROGRAM, "0", *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert program.stdout is not None
        line = program.stdout.readline()
        assert line.startswith("ready "), line
        host, _, port = line.removeprefix("ready ").strip().rpartition(":")
        yield program, (host, int(port))
    finally:
        program.kill()
        program.communicate()


def ask(address: tuple[str, int], symbol: str = "ABC") -> bytes:
    """The answer to one question."""
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(f"{symbol},alice\n".encode())
        return connection.makefile("rb").read()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_end(number: signal.Signals) -> None:
    """It prints where it is ready, answers 5.00, and ends with status 0 and no complaint."""
    with running() as (program, address):
        assert ask(address).startswith(b"5.00,ABC,alice,")
        program.send_signal(number)
        output, _ = program.communicate(timeout=20)
        assert (program.returncode, output) == (0, "")


def test_the_price_is_an_option() -> None:
    """`--price` is dollars with two decimals."""
    with running("--price", "12.34") as (_, address):
        assert ask(address).startswith(b"12.34,")


def test_two_programs_with_the_same_walk_agree() -> None:
    """`--walk SEED` gives the same prices in every run."""
    with running("--walk", "7") as (_, one), running("--walk", "7") as (_, other):
        mine, theirs = ([ask(address).split(b",")[0] for _ in range(3)] for address in (one, other))
        assert mine == theirs


def test_failures_are_an_option() -> None:
    """With `--failure-rate 1` no answer is good."""
    with running("--failure-rate", "1", "--seed", "5") as (_, address):
        assert all(answer == b"" or answer.startswith((b"ERROR", b"0.00")) for answer in [ask(address)] * 5)


def test_it_behaves_as_a_file_says(tmp_path: Path) -> None:
    """`--mood-file` is looked at again and again; no file, or a word that is none, changes nothing."""
    mood = tmp_path / "mood"

    def comes_to(answers: bool) -> None:
        deadline = time.monotonic() + 20
        while bool(ask(address)) is not answers:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    with running("--mood-file", str(mood)) as (program, address):
        assert ask(address).startswith(b"5.00,")
        mood.write_text("failing\n")
        comes_to(False)
        mood.write_text("whatever")
        time.sleep(2 * MOOD_EVERY)
        assert ask(address) == b""
        mood.write_text("well")
        comes_to(True)
        program.send_signal(signal.SIGTERM)
        assert program.communicate(timeout=20)[0] == ""


def test_a_taken_port_is_said() -> None:
    """The complaint names the address and what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = CliRunner().invoke(quotes, ["mock", "--port", str(port)])
    assert result.exit_code == 1
    assert f"cannot listen at 127.0.0.1:{port}" in result.output
    assert "choose another --port" in result.output


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--price", "5"], "'5' is not dollars with two decimals"),
        (["--price", "-5.00"], "'-5.00' is not dollars"),
        (["--price", "\u0665.\u0660\u0660"], "is not dollars"),
        (["--price", "0.00"], "0.00 is not between 0.01"),
        (["--price", "99999999999999.00"], "is not between 0.01"),
        (["--price", "5.00", "--walk", "1"], "exclude each other"),
        (["--latency", "slow"], "'slow' is not one of 'none', 'real'"),
        (["--failure-rate", "2"], "0<=x<=1"),
    ],
)
def test_bad_options_are_refused(options: list[str], complaint: str) -> None:
    """Each refusal says what was wrong with which value."""
    result = CliRunner().invoke(quotes, ["mock", "--port", "0", *options])
    assert result.exit_code == 2
    assert complaint in result.output
