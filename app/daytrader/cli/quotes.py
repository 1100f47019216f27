"""`daytrader quotes`: the mock quote server as a program of its own."""

import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from typing import Final

import click
import uvloop

from daytrader.cli.price import Price
from daytrader.quotes.mock import FIXED_PRICE, MockQuoteServer
from daytrader.quotes.mock_behaviour import Latency, mood_of

MOOD_EVERY: Final = 0.25
"""Seconds between two looks at the file that says how to behave."""


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
@click.option(
    "--mood-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Look there again and again how to behave: well, slow or failing.",
)
def mock(
    *,
    host: str,
    port: int,
    price: int | None,
    walk: int | None,
    latency: Latency,
    failure_rate: float,
    seed: int,
    mood_file: Path | None,
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
        uvloop.run(_serve(server, mood_file))
    except OSError as error:
        raise click.ClickException(f"cannot listen at {host}:{port}: {error}; choose another --port") from error


async def _serve(server: MockQuoteServer, mood_file: Path | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with server:
        address = "{}:{}".format(*server.address)
        click.echo(f"ready {address}")
        if mood_file is None:
            await stop.wait()
        else:
            await _as_told(server, mood_file, stop)


async def _as_told(server: MockQuoteServer, mood_file: Path, stop: asyncio.Event) -> None:
    """Behave as the file says, until told to stop; a word that is none, or no file, changes nothing."""
    while not stop.is_set():
        with suppress(OSError):
            server.mood = mood_of((await asyncio.to_thread(mood_file.read_text)).strip()) or server.mood
        with suppress(TimeoutError):
            async with asyncio.timeout(MOOD_EVERY):
                await stop.wait()
