"""`daytrader swap`: run one service from the working tree in the place of the one that `daytrader up` runs."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import click

from daytrader.local.control import ControlError, NotRunningError, ask


@click.command()
@click.argument("service")
@click.option("--data", type=click.Path(path_type=Path), default=Path("data"), show_default=True)
@click.option("--python", default=sys.executable, help="The Python (of another working tree, say) that runs it.")
def swap(service: str, data: Path, python: str) -> None:
    """Stop SERVICE of the running cluster and run it here, from the working tree; Ctrl-C puts the old one back.

    SERVICE is a name that `daytrader up --cluster` gave: transaction-0, web-0, audit, … Edit the code, press Ctrl-C
    and swap again: the rest of the system goes on meanwhile.
    """
    try:
        held = asyncio.run(ask(data, do="hold", name=service))
    except (NotRunningError, ControlError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{service} runs here now; Ctrl-C puts the one of `daytrader up` back", err=True)
    child = subprocess.Popen([python, *held["argv"]], env=os.environ | held["env"])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: child.terminate())
    status = child.wait()
    try:
        asyncio.run(ask(data, do="release", name=service))
    except (NotRunningError, ControlError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{service} of `daytrader up` is back", err=True)
    sys.exit(0 if status in (0, -signal.SIGTERM) else 1)
