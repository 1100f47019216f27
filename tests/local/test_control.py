"""Talking to a running installation."""

from pathlib import Path
from typing import Any

import pytest

from daytrader.local.control import FILE, Control, ControlError, NotRunningError, ask


async def handler(asked: dict[str, Any]) -> dict[str, Any]:
    """Answer what was asked, or fail as an installation does."""
    if asked["do"] == "fail":
        raise KeyError("no service is named 'x'")
    return {"did": asked["do"]}


async def test_a_question_gets_its_answer(tmp_path: Path) -> None:
    """What is asked reaches the handler, and its answer comes back."""
    control = Control(tmp_path, "secret", handler)
    await control.start()
    assert await ask(tmp_path, do="reset") == {"did": "reset"}
    await control.close()


async def test_a_failure_comes_back_in_words(tmp_path: Path) -> None:
    """What the installation cannot do is said to whoever asked."""
    control = Control(tmp_path, "secret", handler)
    await control.start()
    with pytest.raises(ControlError, match="no service is named 'x'"):
        await ask(tmp_path, do="fail")
    await control.close()


async def test_without_the_secret_nothing_is_done(tmp_path: Path) -> None:
    """A wrong secret gets no answer; the right one stands in a file that only its owner can read."""
    control = Control(tmp_path, "secret", handler)
    await control.start()
    file = tmp_path / FILE
    assert file.stat().st_mode & 0o077 == 0
    file.write_text(file.read_text().replace('secret"}', 'guess"}'))
    with pytest.raises(ControlError, match="no answer"):
        await ask(tmp_path, do="reset")
    await control.close()


async def test_nothing_runs_on_that_directory(tmp_path: Path) -> None:
    """Asking where no installation runs says how to start one."""
    with pytest.raises(NotRunningError, match="daytrader up"):
        await ask(tmp_path, do="reset")
