"""Child processes."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from daytrader.local.process import Process, Program, ending
from tests.local.conftest import until

_SLEEPS = "import time; print('up'); time.sleep(60)"
_DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(60)"
_PARENT = """
import asyncio, sys
from pathlib import Path
from daytrader.local.process import Process, Program
async def main():
    child = Process(Program("child", (sys.executable, "-c", "import time; time.sleep(60)"), Path(sys.argv[2])))
    await child.start()
    print(child.pid, flush=True)
    await child.wait()
if sys.argv[1] == "uvloop":
    import uvloop
    uvloop.run(main())
else:
    asyncio.run(main())
"""


async def _is_up(process: Process) -> None:
    await until(lambda: "up" in process.last_words())


def _is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


async def test_output_and_surroundings(python: Callable[..., Program]) -> None:
    """Both kinds of output are appended to the log, and `env` is added to the environment."""
    source = "import os, sys; print(os.environ['WORD'], 'PATH' in os.environ); print('bad', file=sys.stderr)"
    process = Process(python("p", source, env={"WORD": "hello"}))
    for _ in range(2):
        await process.start()
        assert await process.wait() == 0
    assert process.last_words() == "hello True\nbad\nhello True\nbad"
    assert process.pid is None


async def test_it_has_a_session_of_its_own(python: Callable[..., Program]) -> None:
    """A terminal's signals do not reach it."""
    process = Process(python("p", _SLEEPS))
    await process.start()
    assert process.pid is not None
    assert os.getsid(process.pid) == process.pid != os.getsid(0)
    await process.kill()


async def test_it_runs_once_at_a_time(python: Callable[..., Program]) -> None:
    """Starting what runs is refused."""
    process = Process(python("p", _SLEEPS))
    await process.start()
    with pytest.raises(RuntimeError, match="p is already running as process"):
        await process.start()
    await process.kill()


async def test_stop_asks_first(python: Callable[..., Program]) -> None:
    """A program that ends at SIGTERM is not killed."""
    process = Process(python("p", "import signal, sys; signal.signal(15, lambda *_: sys.exit(7)); " + _SLEEPS))
    await process.start()
    await _is_up(process)
    await process.stop()
    assert await process.wait() == 7


async def test_stop_kills_what_does_not_listen(python: Callable[..., Program]) -> None:
    """After the grace period a program is killed."""
    process = Process(python("p", _DEAF, grace_s=0.1))
    await process.start()
    await _is_up(process)
    await process.stop()
    assert await process.wait() == -signal.SIGKILL


async def test_stop_lets_a_frozen_process_go(python: Callable[..., Program]) -> None:
    """A process that was frozen by SIGSTOP can end as any other does."""
    process = Process(python("p", _SLEEPS))
    await process.start()
    await _is_up(process)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)
    await process.stop()
    assert await process.wait() == -signal.SIGTERM


async def test_stopping_what_does_not_run_is_nothing(python: Callable[..., Program]) -> None:
    """Stopping or killing twice, or before the start, does no harm."""
    process = Process(python("p", "pass"))
    await process.stop()
    await process.start()
    await process.wait()
    await process.stop()
    await process.kill()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
async def test_children_die_with_a_parent_that_is_killed(loop: str, tmp_path: Path) -> None:
    """Nothing survives a kill -9 of the program that started it."""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PARENT, loop, str(tmp_path / "log"), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    async with asyncio.timeout(20):
        child = int(await parent.stdout.readline())
    assert not _is_gone(child)
    parent.kill()
    await parent.wait()
    await until(lambda: _is_gone(child))


def test_endings_in_words() -> None:
    """A signal is named, an exit status is given."""
    assert ending(-9) == "died with signal 9 (SIGKILL)"
    assert ending(3) == "ended with exit status 3"
