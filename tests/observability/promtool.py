"""Every recording rule and alert as Prometheus itself evaluates it: `python -m tests.observability.promtool [PROGRAM]`.

Needs promtool, which comes with Prometheus (Debian's package `prometheus`), so the end-to-end suite runs it.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import click

from tests.observability.cases import CASES, promtool_file
from tests.observability.rules import RULE_FILES

SECONDS: Final = 600
"""More than promtool needs for all cases together."""


class PromtoolMissingError(Exception):
    """The program is not there; the message tells where it comes from."""


def failures(promtool: str = "promtool") -> list[str]:
    """Return what promtool finds wrong with the chart's rules, and with what they make of every case; empty: nothing.

    Raises:
        PromtoolMissingError: there is no such program.
    """
    checked = _run(promtool, "check", "rules", *map(str, RULE_FILES))
    if checked.returncode:
        return [checked.stdout]
    with tempfile.TemporaryDirectory() as directory:
        titles = {}
        for number, case in enumerate(CASES):
            file = Path(directory) / f"{number}.yaml"
            file.write_bytes(promtool_file(case))
            titles[str(file)] = f"{case.rule}, {case.case}"
        tested = _run(promtool, "test", "rules", *titles)
    if not tested.returncode:
        return []
    parts = tested.stdout.split("Unit Testing:")
    found = [part.partition("\n") for part in parts[1:] if "SUCCESS" not in part]
    return [f"{titles.get(file.strip(), file)}: {said.strip()}" for file, _, said in found] or [tested.stdout]


def _run(promtool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            [promtool, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise PromtoolMissingError(
            f"there is no program {promtool}: it comes with Prometheus (Debian's package prometheus)"
        ) from None


@click.command()
@click.argument("program", default="promtool")
def main(program: str) -> None:
    """Check all rules, and what they make of every case, with promtool at PROGRAM."""
    found = failures(program)
    for each in found:
        click.echo(each)
    click.echo(f"{len(CASES)} cases of rules, {len(found)} failed")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
