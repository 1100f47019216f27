"""Keeping processes alive."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from daytrader.local import supervisor as module
from daytrader.local.ports import answers, free_port
from daytrader.local.process import Program
from daytrader.local.supervisor import Backoff, NotStarted, Supervisor
from tests.local.conftest import Words, until

_SLEEPS = "import time; time.sleep(60)"
_LISTENS = "import socket, time; s = socket.create_server(('127.0.0.1', {port})); time.sleep(60)"
_TELLS = """
import signal, sys, time
def told(*_):
    with open({path!r}, "a") as file:
        print({name!r}, file=file)
    sys.exit()
signal.signal(signal.SIGTERM, told)
print("up")
time.sleep(60)
"""


def _pid(supervisor: Supervisor, name: str) -> int:
    pid = next(standing.pid for standing in supervisor.standings() if standing.name == name)
    assert pid is not None
    return pid


def test_backoff_doubles_up_to_a_bound() -> None:
    """The pauses are 0.2 s, 0.4 s and so on up to 5 s, however many there are."""
    backoff = Backoff()
    assert [backoff.pause_s(attempt) for attempt in range(1, 8)] == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert backoff.pause_s(10_000) == 5.0


def test_backoff_forgives_after_a_steady_run() -> None:
    """A run of 10 s begins the counting of attempts anew."""
    backoff = Backoff()
    assert backoff.attempt_after(4, ran_s=9.9) == 5
    assert backoff.attempt_after(4, ran_s=10.0) == 1


async def test_what_is_killed_is_started_again(python: Callable[..., Program], words: Words) -> None:
    """A process that was killed runs again under a new id, and that is said in words."""
    async with Supervisor(words) as supervisor:
        await supervisor.start(python("transaction-0", _SLEEPS))
        first = _pid(supervisor, "transaction-0")
        os.kill(first, signal.SIGKILL)
        await words.hear("started again")
        assert words.said == ["transaction-0 died with signal 9 (SIGKILL); started again, attempt 1"]
        assert _pid(supervisor, "transaction-0") != first
        assert [(s.state, s.restarts) for s in supervisor.standings()] == [("running", 1)]


async def test_attempts_are_counted_and_the_log_is_named(python: Callable[..., Program], words: Words) -> None:
    """A process that ends by itself again and again is started again and again, with its log pointed out."""
    program = python("web-0", "raise SystemExit(3)")
    async with Supervisor(words, Backoff(first_s=0.01)) as supervisor:
        await supervisor.start(program)
        await words.hear(f"web-0 ended with exit status 3 (see {program.log}); started again, attempt 3")


async def test_a_program_that_cannot_be_executed_is_tried_again(
    python: Callable[..., Program], words: Words, tmp_path: Path
) -> None:
    """A program whose file is away is tried again until it is back."""
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\nsleep 60\n")
    script.chmod(0o700)
    program = replace(python("p", ""), argv=[str(script)])
    async with Supervisor(words, Backoff(first_s=0.01, last_s=0.05)) as supervisor:
        await supervisor.start(program)
        away = script.rename(tmp_path / "away")
        os.kill(_pid(supervisor, "p"), signal.SIGKILL)
        await words.hear("p died with signal 9 (SIGKILL); it could not be started again, attempt 2: ")
        away.rename(script)
        await words.hear("started again")


async def test_start_waits_until_a_port_answers(python: Callable[..., Program], words: Words) -> None:
    """A program with a port has started when the port accepts connections."""
    port = free_port()
    async with Supervisor(words) as supervisor:
        await supervisor.start(python("p", _LISTENS.format(port=port), port=port))
        assert await answers(port)


async def test_start_waits_until_the_probe_says_so(
    python: Callable[..., Program], words: Words, tmp_path: Path
) -> None:
    """A program with a probe has started when the probe is content."""
    mark = tmp_path / "mark"

    async def ready() -> bool:
        return mark.exists()

    async with Supervisor(words) as supervisor:
        await supervisor.start(python("p", f"open({str(mark)!r}, 'w'); {_SLEEPS}", ready=ready))
        assert mark.exists()


async def test_a_death_before_it_was_ready(python: Callable[..., Program], words: Words) -> None:
    """The error of a program that ends at once holds its last words, and those started beside it are stopped."""
    dies = python("dies", "raise SystemExit('no such setting: colour')", port=free_port())
    async with Supervisor(words) as supervisor:
        with pytest.raises(NotStarted, match=r"(?s)dies ended with exit status 1 before it was ready.*: colour"):
            await supervisor.start(dies, python("lives", _SLEEPS))
        assert supervisor.standings() == ()
        assert words.said == []


async def test_a_program_that_never_gets_ready(python: Callable[..., Program], words: Words) -> None:
    """A program that is not ready in time is killed and reported."""
    slow = python("slow", _SLEEPS, port=free_port(), ready_within_s=0.2)
    async with Supervisor(words) as supervisor:
        with pytest.raises(NotStarted, match=r"slow was not ready within 0\.2 s"):
            await supervisor.start(slow)
        assert supervisor.standings() == ()


async def test_a_port_in_use_is_reported(
    python: Callable[..., Program], words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program's answer on the port does not pass for ours."""
    monkeypatch.setattr(module, "_PORT_WITHIN_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        async with Supervisor(words) as supervisor:
            with pytest.raises(NotStarted, match=f"p cannot start: port {port} on 127.0.0.1 is in use"):
                await supervisor.start(python("p", _SLEEPS, port=port))


async def test_hold_and_release(python: Callable[..., Program], words: Words) -> None:
    """A held process stays away until it is released; its port is free for another build meanwhile."""
    port = free_port()
    async with Supervisor(words, Backoff(first_s=0.01)) as supervisor:
        await supervisor.start(python("web-0", _LISTENS.format(port=port), port=port))
        await supervisor.hold("web-0")
        assert [(s.state, s.pid) for s in supervisor.standings()] == [("held", None)]
        assert not await answers(port)
        await supervisor.release("web-0")
        assert await answers(port)
        assert [word.split()[2] for word in words.said] == ["stopped", "released"]
        os.kill(_pid(supervisor, "web-0"), signal.SIGKILL)
        await words.hear("started again")


async def test_stopping_goes_backwards_by_groups(python: Callable[..., Program], words: Words, tmp_path: Path) -> None:
    """What was started last is stopped first; what was started together is stopped together."""
    path = tmp_path / "order"
    programs = [python(name, _TELLS.format(path=str(path), name=name)) for name in ("data", "redis", "web")]
    async with Supervisor(words) as supervisor:
        await supervisor.start(*programs[:2])
        await supervisor.start(programs[2])
        await until(lambda: all("up" in p.log.read_text() for p in programs))
    order = path.read_text().split()
    assert order[0] == "web"
    assert sorted(order[1:]) == ["data", "redis"]
    assert supervisor.standings() == ()
    assert words.said == []


async def test_nothing_is_started_again_once_stopping(python: Callable[..., Program], words: Words) -> None:
    """A process that waits for its next attempt when all is stopped stays down."""
    supervisor = Supervisor(words, Backoff(first_s=60.0, last_s=60.0))
    await supervisor.start(python("p", _SLEEPS))
    os.kill(_pid(supervisor, "p"), signal.SIGKILL)
    await until(lambda: supervisor.standings()[0].state == "restarting")
    async with asyncio.timeout(5):
        await supervisor.stop_all()
    assert words.said == []


async def test_names_are_unique_and_known(python: Callable[..., Program], words: Words) -> None:
    """A second process of the same name and an unknown name are refused with the name."""
    async with Supervisor(words) as supervisor:
        await supervisor.start(python("p", _SLEEPS))
        with pytest.raises(ValueError, match="a process named 'p' is supervised already"):
            await supervisor.start(python("p", _SLEEPS))
        with pytest.raises(KeyError, match="no process is named 'q': these run here: p"):
            await supervisor.hold("q")
