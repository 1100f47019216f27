"""The trading commands: the JSON API on the command line, in the name of one user."""

import functools
import http.client
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from daytrader.bearer import Bearer
from daytrader.cli import words
from daytrader.cli.bearer import bearer_options
from daytrader.cli.ca import ca_option
from daytrader.cli.client import Client, NotDoneError
from daytrader.cli.price import Price
from daytrader.web.api.answers import Account, History, PlacedOrder, Quote, Receipt

_AMOUNT = Price()


def client_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of all trading commands, and a client made of them as its first argument."""
    return _user_option(required=True)(connection_options(command))


def _user_option(*, required: bool) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option("--user", required=required, envvar="DAYTRADER_USER", show_envvar=True, help="In whose name.")


def connection_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of all clients but the user, who is to be its parameter `user`."""

    @click.option(
        "--url",
        default="http://127.0.0.1:8080",
        envvar="DAYTRADER_URL",
        show_envvar=True,
        show_default=True,
        help="Address of the web service.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print what the API says, a problem included.")
    @click.option("--key", help="Idempotency-Key: a command given again under the same key takes effect once.")
    @ca_option
    @bearer_options
    @functools.wraps(command)
    def wrapped(
        url: str, user: str | None, as_json: bool, key: str | None, ca: Path | None, bearer: Bearer, **rest: Any
    ) -> None:
        command(Client(url, user or "", ca, bearer, as_json=as_json, key=key), **rest)

    return wrapped


symbol_argument = click.argument("symbol")


@click.command()
@client_options
def account(client: Client) -> None:
    """Show cash, holdings, triggers and pending orders."""
    client.do("GET", client.path(), Account, lambda told: Console().print(words.account(told)))


@click.command()
@click.argument("amount", type=_AMOUNT)
@client_options
def deposit(client: Client, amount: int) -> None:
    """Add AMOUNT (dollars, as in 100.00) to the cash; the first deposit makes the account."""
    _receipt(client, "POST", "/deposits", f"{words.dollars(amount)} deposited", {"amount_cents": amount})


@click.command()
@symbol_argument
@client_options
def quote(client: Client, symbol: str) -> None:
    """Ask what a share of SYMBOL costs."""
    path = client.path("/quotes/{symbol}", symbol=symbol)
    client.do("GET", path, Quote, lambda told: click.echo(words.dollars(told.price_cents)))


@click.command()
@symbol_argument
@click.argument("amount", type=_AMOUNT)
@client_options
def buy(client: Client, symbol: str, amount: int) -> None:
    """Place a buy of SYMBOL for at most AMOUNT (dollars, as in 100.00); `commit-buy` within 60 s does it.

    \b
    Example:
      daytrader deposit 500.00 --user bob
      daytrader buy DOG 100.00 --user bob
      daytrader commit-buy --user bob
    """
    _order(client, "/buys", "commit-buy", symbol, amount)


@click.command()
@symbol_argument
@click.argument("amount", type=_AMOUNT)
@client_options
def sell(client: Client, symbol: str, amount: int) -> None:
    """Place a sell of SYMBOL for at most AMOUNT (dollars, as in 100.00); `commit-sell` within 60 s does it."""
    _order(client, "/sells", "commit-sell", symbol, amount)


@click.command("commit-buy")
@client_options
def commit_buy(client: Client) -> None:
    """Commit the newest pending buy."""
    _receipt(client, "POST", "/buys/commit", "bought")


@click.command("cancel-buy")
@client_options
def cancel_buy(client: Client) -> None:
    """Cancel the newest pending buy."""
    _receipt(client, "POST", "/buys/cancel", "cancelled")


@click.command("commit-sell")
@client_options
def commit_sell(client: Client) -> None:
    """Commit the newest pending sell."""
    _receipt(client, "POST", "/sells/commit", "sold")


@click.command("cancel-sell")
@client_options
def cancel_sell(client: Client) -> None:
    """Cancel the newest pending sell."""
    _receipt(client, "POST", "/sells/cancel", "cancelled")


@click.command()
@client_options
def history(client: Client) -> None:
    """Show the last 100 commands and what became of them."""
    client.do("GET", client.path("/history"), History, lambda told: Console().print(words.history(told)))


@click.command()
@click.option("--all", "everybody", is_flag=True, help="Everybody's log, not the user's alone.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write it there.  [default: standard output]")
@_user_option(required=False)
@connection_options
def log(client: Client, everybody: bool, output: Path | None) -> None:
    """Get the log as XML: all that was acknowledged before is in it."""
    if not client.user and not everybody:
        raise click.UsageError("whose log? Give --user, or --all for everybody's")
    try:
        with client.ask("GET", "/log" if everybody else client.path("/log")) as answer:
            if output is None:
                shutil.copyfileobj(answer, sys.stdout.buffer)
            else:
                with output.open("wb") as file:
                    shutil.copyfileobj(answer, file)
    except (OSError, http.client.HTTPException) as error:
        raise NotDoneError(f"the log broke off, and is not whole: {error}") from error


def _order(client: Client, below: str, commit: str, symbol: str, amount: int) -> None:
    document = {"symbol": symbol, "amount_cents": amount}
    client.do(
        "POST", client.path(below), PlacedOrder, lambda told: click.echo(words.placed_order(told, commit)), document
    )


def _receipt(client: Client, method: str, below: str, says: str, document: object = None) -> None:
    client.do(method, client.path(below), Receipt, lambda _: click.echo(says), document)
