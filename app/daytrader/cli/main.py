"""The command line: a thin skin over the parts."""

import importlib
from importlib.metadata import version
from typing import Final

import click

COMMANDS: Final = {
    "demo": "daytrader.cli.demo:demo",
    "up": "daytrader.cli.up:up",
    "status": "daytrader.cli.status:status",
    "account": "daytrader.cli.trading:account",
    "deposit": "daytrader.cli.trading:deposit",
    "quote": "daytrader.cli.trading:quote",
    "buy": "daytrader.cli.trading:buy",
    "commit-buy": "daytrader.cli.trading:commit_buy",
    "cancel-buy": "daytrader.cli.trading:cancel_buy",
    "sell": "daytrader.cli.trading:sell",
    "commit-sell": "daytrader.cli.trading:commit_sell",
    "cancel-sell": "daytrader.cli.trading:cancel_sell",
    "trigger": "daytrader.cli.trigger:trigger",
    "history": "daytrader.cli.trading:history",
    "watch": "daytrader.cli.watch:watch",
    "log": "daytrader.cli.trading:log",
    "workload": "daytrader.cli.workload:workload",
    "verify": "daytrader.cli.verify:verify",
    "smoke": "daytrader.cli.smoke:smoke",
    "bench": "daytrader.cli.bench:bench",
    "faults": "daytrader.cli.faults:faults",
    "identity": "daytrader.cli.identity:identity",
    "token": "daytrader.cli.token:token",
    "reset": "daytrader.cli.reset:reset",
    "swap": "daytrader.cli.swap:swap",
    "backup": "daytrader.cli.backup:backup",
    "restore": "daytrader.cli.backup:restore",
    "quotes": "daytrader.cli.quotes:quotes",
    "serve": "daytrader.cli.serve:serve",
}
"""In the order in which a new user meets them. Each is imported when it is called: none pays for the others."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Return the names in the order of COMMANDS."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return the command, imported now."""
        where = COMMANDS.get(cmd_name)
        if where is None:
            return None
        module, _, name = where.partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("daytrader"), prog_name="daytrader")
def main() -> None:
    """A day trading system: money moved fast, durably and observably.

    \b
    daytrader up                                     the whole system in one process, nothing to install
    daytrader workload make --users 100 -o day.txt   a day's trading of a hundred users
    daytrader workload run day.txt --url http://127.0.0.1:8080 --dump log.xml
    daytrader verify log.xml --url http://127.0.0.1:8080
    """
