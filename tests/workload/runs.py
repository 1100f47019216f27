"""Runs over small files, and answers to them."""

from collections.abc import Iterator
from pathlib import Path

from daytrader.workload.file import Workload
from daytrader.workload.options import Options
from daytrader.workload.report import Report
from daytrader.workload.run import run

QUICK = Options(answer_within_s=0.2, give_up_after_s=5.0)


def workload_of(path: Path, *commands: str) -> Path:
    """A file of these commands."""
    file = path / "workload.txt"
    file.write_text("".join(f"[{number}] {command} \n" for number, command in enumerate(commands, 1)))
    return file


async def run_file(file: Path, url: str, options: Options = QUICK) -> Report:
    """The report of a run over a file."""
    with Workload.open(file) as workload:
        return await run(workload, url, options)


def each(*answers: bytes | None) -> Iterator[bytes | None]:
    """These answers, and the last again and again."""
    yield from answers
    while True:
        yield answers[-1]
