"""`daytrader up`: an installation on this machine, embedded in one process or as a cluster of many."""

import asyncio
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import click
import uvloop

from daytrader import metrics
from daytrader.cli.price import Price
from daytrader.local.binaries import MissingProgram
from daytrader.local.cluster import Cluster, ClusterOptions
from daytrader.local.control import Control
from daytrader.local.embedded import Embedded
from daytrader.local.first_credentials import FirstCredentials
from daytrader.local.formation import NotFormed
from daytrader.local.installation import ClusterInstallation, EmbeddedInstallation, Installation
from daytrader.local.mock_quotes import MockQuotes
from daytrader.local.ports import free_port, is_free
from daytrader.local.secret import kept_secret
from daytrader.local.supervisor import NotStarted
from daytrader.logs import configure
from daytrader.quotes.mock_behaviour import Latency
from daytrader.serving import stop_signals
from daytrader.settings import SettingsError, load


@click.command()
@click.option(
    "--cluster",
    type=click.IntRange(1, 16),
    metavar="N",
    help="N web and N transaction replicas, each a "
    "process, two replica sets of three real mongods, and Redis.  [default: all in one process, with SQLite]",
)
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 takes a free one.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=Path("data"),
    show_default=True,
    help="Where everything is kept; starting on it again goes on where it stopped.",
)
@click.option("--new", is_flag=True, help="Forget what is in DATA first.")
@click.option("--quote-price", type=Price(), help="The price of every quote.  [default: 5.00]")
@click.option("--quote-walk", type=int, metavar="SEED", help="Prices walk at random instead, the same way for a SEED.")
@click.option(
    "--quote-latency",
    type=click.Choice(["none", "real"]),
    default="none",
    show_default=True,
    help="real: as the legacy quote server, 563 ms in the mean.",
)
@click.option(
    "--trigger-interval",
    type=click.FloatRange(0.05),
    default=1.0,
    show_default=True,
    metavar="S",
    help="Seconds between two evaluations of the triggers.",
)
@click.option(
    "--auth",
    type=click.Choice(["open", "required"]),
    default="open",
    envvar="DAYTRADER_AUTH_MODE",
    show_default=True,
    show_envvar=True,
    help="open: whoever reaches it trades as any user. required: only with a bearer token; the first ones are made.",
)
def up(
    cluster: int | None,
    port: int,
    data: Path,
    new: bool,
    quote_price: int | None,
    quote_walk: int | None,
    quote_latency: Latency,
    trigger_interval: float,
    auth: str,
) -> None:
    """Run the whole system on this machine until Ctrl-C; prints `ready URL` when it serves.

    What dies is started again, and said. `daytrader status` names every part; further settings are environment
    variables DAYTRADER_…, passed on to every service.
    """
    if quote_price is not None and quote_walk is not None:
        raise click.UsageError("--quote-price and --quote-walk exclude each other: give one of them")
    if port and not is_free(port):
        raise click.ClickException(f"port {port} is in use: end what listens there, or choose another --port")
    quotes = MockQuotes(quote_price or 500, quote_walk, quote_latency)
    directory = data / ("cluster" if cluster else "embedded")
    if new:
        shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, exist_ok=True)
    settings = {"DAYTRADER_TRIGGERS_INTERVAL_MS": str(round(trigger_interval * 1000))}
    settings["DAYTRADER_AUTH_MODE"] = auth
    words = _open
    if auth == "required":
        first = FirstCredentials.kept(directory)
        settings |= first.settings
        words = first.words
    port = port or free_port()
    try:
        uvloop.run(_up(cluster, port, data, directory, quotes, settings, words))
    except (MissingProgram, NotStarted, NotFormed, SettingsError, OSError) as error:
        raise click.ClickException(str(error)) from error


async def _up(
    replicas: int | None,
    port: int,
    data: Path,
    directory: Path,
    quotes: MockQuotes,
    settings: Mapping[str, str],
    words: Callable[[str], str],
) -> None:
    stop = stop_signals()
    installation: Installation
    more = ""
    if replicas:
        options = ClusterOptions(replicas=replicas, port=port, quotes=quotes, settings=settings, control=data)
        cluster = Cluster(directory, options)
        installation = ClusterInstallation(cluster, _say)
        if settings["DAYTRADER_AUTH_MODE"] == "required":
            more = f"; more are made with DAYTRADER_DATA_URI={cluster.data_uri!r} daytrader token"
    else:
        configure("warning", "daytrader", "embedded")
        metrics.serve(port=load().metrics_port)
        installation = EmbeddedInstallation(Embedded(directory, port, quotes, settings))
    control = Control(data, kept_secret(directory / "control-secret"), installation.control)
    async with installation:
        await control.start()
        try:
            _say(words(installation.url) + more)
            click.echo(f"ready {installation.url}")
            sys.stdout.flush()
            await _until(stop, installation)
        finally:
            await control.close()
        _say("stopping")


async def _until(stop: asyncio.Event, installation: Installation) -> None:
    """Wait until told to stop, or until the installation ends by itself, which raises what ended it."""
    tasks = {asyncio.ensure_future(stop.wait()), asyncio.ensure_future(installation.ended())}
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    for task in done:
        task.result()


def _open(url: str) -> str:
    return f"whoever reaches {url} trades as any user, without a token (see --auth)"


def _say(text: str) -> None:
    click.echo(text, err=True)
