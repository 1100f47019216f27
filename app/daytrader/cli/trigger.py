"""`daytrader trigger`: buy and sell triggers of one user."""

import click

from daytrader.cli import words
from daytrader.cli.client import Client
from daytrader.cli.price import Price
from daytrader.cli.trading import client_options, symbol_argument
from daytrader.web.api.answers import Receipt


@click.group()
def trigger() -> None:
    """Buy or sell by itself when a quote reaches a price; `daytrader account` shows the triggers.

    \b
    Example: buy DOG for 100.00 when it costs at most 4.50
      daytrader trigger buy amount DOG 100.00 --user bob
      daytrader trigger buy price DOG 4.50 --user bob
    """


def _side(side: str, reserved: str, when: str) -> click.Group:
    @click.group(side)
    def group() -> None:
        pass

    @group.command()
    @symbol_argument
    @click.argument("dollars", type=Price())
    @client_options
    def amount(client: Client, symbol: str, dollars: int) -> None:
        _put(client, side, symbol, "amount", dollars)

    @group.command()
    @symbol_argument
    @click.argument("dollars", type=Price())
    @client_options
    def price(client: Client, symbol: str, dollars: int) -> None:
        _put(client, side, symbol, "price", dollars)

    @group.command()
    @symbol_argument
    @client_options
    def cancel(client: Client, symbol: str) -> None:
        path = client.path(f"/{side}-triggers/{{symbol}}", symbol=symbol)
        client.do("DELETE", path, Receipt, lambda _: click.echo("cancelled"))

    group.help = f"Triggers that {side}."
    amount.help = f"Make the trigger on SYMBOL, or change its amount (dollars, as in 100.00).{reserved}"
    price.help = f"Arm the trigger on SYMBOL: it will {side}, once, when a quote is at this price or {when}."
    cancel.help = "Remove the trigger on SYMBOL; what it reserves comes back."
    return group


def _put(client: Client, side: str, symbol: str, what: str, cents: int) -> None:
    path = client.path(f"/{side}-triggers/{{symbol}}/{what}", symbol=symbol)
    says = f"{what} of the {side} trigger on {symbol}: {words.dollars(cents)}"
    client.do("PUT", path, Receipt, lambda _: click.echo(says), {f"{what}_cents": cents})


trigger.add_command(_side("buy", " That much cash is reserved.", "below"))
trigger.add_command(_side("sell", "", "above"))
