"""`daytrader reset`: an installation without users, accounts and log, as after its first start."""

import asyncio
import shutil
from pathlib import Path

import click

from daytrader.local.control import ControlError, NotRunningError, ask


@click.command()
@click.option("--data", type=click.Path(path_type=Path), default=Path("data"), show_default=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(data: Path, yes: bool) -> None:
    """Empty the installation in the directory DATA: all accounts, the journal and the log are gone.

    One that is running is emptied while it runs (services stop for a moment), and keeps its identities and tokens; of
    one that is not, the files go.
    """
    if not yes:
        click.confirm(f"Everything in the installation in {data} will be gone. Go on?", abort=True)
    try:
        asyncio.run(ask(data, do="reset"))
    except NotRunningError:
        for mode in ("embedded", "cluster"):
            shutil.rmtree(data / mode, ignore_errors=True)
    except ControlError as error:
        raise click.ClickException(str(error)) from error
    click.echo("the installation is empty")
