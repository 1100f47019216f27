"""The suite's command line."""

import sys
from pathlib import Path

import click
from rich.table import Table

import tests.cluster.cases  # noqa: F401  enters every case
from tests.cluster import outcome, settings
from tests.cluster.case import CASES
from tests.cluster.runner import run_cases
from tests.cluster.settings import ROOT
from tests.cluster.shell import CaseFailedError, OutOfTimeError
from tests.cluster.world import World


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", metavar="[CASE]...", nargs=-1)
@click.option("--list", "listed", is_flag=True, help="Show the cases and what each shows, and end.")
@click.option("--table", "shown", is_flag=True, help="Show the last outcome of every case, and end.")
@click.option("--markdown", is_flag=True, help="The same in Markdown, as in docs/e2e.md.")
@click.option("--keep", is_flag=True, help="Leave the installations in the cluster.")
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=ROOT / "out" / "e2e.json",
    help="Where outcomes are kept.  [default: out/e2e.json]",
)
def main(names: tuple[str, ...], listed: bool, shown: bool, markdown: bool, keep: bool, json_file: Path) -> None:
    """Show on the cluster of KUBECONFIG what the system promises: all cases, or those that are named.

    Needs kubectl, helm and kustomize on the PATH. What differs from cluster to cluster are environment variables E2E_…:
    see tests/cluster/settings.py, and tests/cluster/__init__.py for a tour.

    Exit status 0 when every case passed.
    """
    console = outcome.console()
    if listed:
        console.print(_list())
        return
    if shown:
        console.print(outcome.table(list(outcome.read(json_file).values())))
        return
    if markdown:
        click.echo(outcome.markdown(list(outcome.read(json_file).values())), nl=False)
        return
    unknown = sorted(set(names) - CASES.keys())
    if unknown:
        raise click.UsageError(f"there is no case {unknown[0]!r}: `ci/e2e --list` shows those there are")
    try:
        world = World(settings.load(), ROOT / "out" / "e2e")
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    chosen = [CASES[name] for name in (names or CASES)]
    try:
        outcomes = run_cases(world, chosen, json_file)
    finally:
        if not keep:
            _remove(world)
    console.print(outcome.table(outcomes))
    failed = [each.case for each in outcomes if each.result == "failed"]
    click.echo(f"{len(outcomes) - len(failed)} of {len(outcomes)} cases passed; figures: {json_file}")
    if failed:
        click.echo(f"failed: {' '.join(failed)}")
    sys.exit(1 if failed else 0)


def _list() -> Table:
    table = Table("case", "what it shows", "at most, min")
    for each in CASES.values():
        table.add_row(each.name, each.title, f"{each.minutes:g}")
    return table


def _remove(world: World) -> None:
    world.say("── removing the installations (--keep leaves them)")
    try:
        world.remove()
    except (CaseFailedError, OutOfTimeError) as error:
        world.say(f"   {error}")
