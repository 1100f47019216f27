"""Running other programs to their end, with a limit on the time that they may take."""

import shlex
import subprocess
import time
from collections.abc import Callable, Mapping
from os import environ, fspath
from pathlib import Path

from tests.cluster.settings import ROOT


class CaseFailedError(Exception):
    """What a case shows does not hold; the message says what was expected and what was seen."""


class OutOfTimeError(Exception):
    """A case is not at its end when it should be."""


def require(holds: object, message: str) -> None:
    """Raise CaseFailedError with the message unless `holds`."""
    if not holds:
        raise CaseFailedError(message)


def run(
    *command: str | Path,
    stdin: str | None = None,
    seconds: float = 60.0,
    env: Mapping[str, str] | None = None,
) -> str:
    """Run a program and return its standard output.

    Raises:
        CaseFailedError: it cannot be found, takes longer than `seconds`, or ends with another status than 0.
    """
    status, out, error = attempt(*command, stdin=stdin, seconds=seconds, env=env)
    said = (error.strip() or out.strip())[-2000:]
    require(status == 0, f"`{_shown(command)}` ended with {status}: {said}")
    return out


def attempt(
    *command: str | Path,
    stdin: str | None = None,
    seconds: float = 60.0,
    env: Mapping[str, str] | None = None,
) -> tuple[int, str, str]:
    """Run a program; return its status, standard output and standard error.

    Raises:
        CaseFailedError: it cannot be found, or takes longer than `seconds`.
    """
    try:
        done = subprocess.run(
            [fspath(word) for word in command],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            cwd=ROOT,
            env={**environ, **(env or {})},
        )
    except FileNotFoundError as error:
        raise CaseFailedError(f"`{command[0]}` is not on the PATH: install it, or put it there") from error
    except subprocess.TimeoutExpired as error:
        raise CaseFailedError(f"`{_shown(command)}` had not ended after {seconds:.0f} s") from error
    return done.returncode, done.stdout, done.stderr


def wait_until(what: str, holds: Callable[[], object], *, seconds: float, every: float = 1.0) -> float:
    """Wait until `holds()` is true; return after how many seconds it was.

    A CaseFailedError that it raises counts as "not yet".

    Raises:
        CaseFailedError: it did not come true within `seconds`; the last reason is told.
    """
    began = time.monotonic()
    reason = ""
    while True:
        try:
            if holds():
                return time.monotonic() - began
        except CaseFailedError as error:
            reason = f" ({error})"
        if time.monotonic() - began > seconds:
            raise CaseFailedError(f"waited {seconds:.0f} s in vain for {what}{reason}")
        time.sleep(every)


def _shown(command: tuple[str | Path, ...]) -> str:
    text = shlex.join(fspath(word) for word in command)
    return text if len(text) < 300 else f"{text[:300]}…"
