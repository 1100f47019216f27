"""`daytrader quotes`: the mock quote server as a program of its own."""

import asyncio
import signal

import click
import uvloop

from daytrader.cli.price import Price
from daytrader.quotes.mock import FIXED_PRICE, MockQuoteServer
from daytrader.quotes.mock_behaviour import Latency


@click.group()
def quotes() -> None:
    """Where quotes come from."""


@quotes.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", type=click.IntRange(0, 65535), required=True, help="Port to listen at; 0 takes a free one.")
@click.option("--price", type=Price(), help="Price of every quote.  [default: 5.00]")
@click.option("--walk", type=int, metavar="SEED", help="Prices walk at random, the same way for the same seed.")
@click.option("--latency", type=click.Choice(["none", "real"]), default="none", show_default=True)
@click.option("--failure-rate", type=click.FloatRange(0, 1), default=0.0, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True, help="For latency, failures and cryptokeys.")
def mock(
    *, host: str, port: int, price: int | None, walk: int | None, latency: Latency, failure_rate: float, seed: int
) -> None:
    """Serve the legacy quote server's protocol until SIGINT or SIGTERM; prints `ready HOST:PORT` when it does."""
    if price is not None and walk is not None:
        raise click.UsageError("--price and --walk exclude each other: give one of them")
    server = MockQuoteServer(
        host,
        port,
        price=None if walk is not None else (price or FIXED_PRICE),
        walk_seed=walk or 0,
        latency=latency,
        failure_rate=failure_rate,
        seed=seed,
    )
    try:
        uvloop.run(_serve(server))
    except OSError as error:
        raise click.ClickException(f"cannot listen at {host}:{port}: {error}; choose another --port") from error


async def _serve(server: MockQuoteServer) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with server:
        address = "{}:{}".format(*server.address)
        click.echo(f"ready {address}")
        await stop.wait()
