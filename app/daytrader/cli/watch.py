"""`watch`: an account as it changes, on the command line."""

import http.client
import time
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote

import click
import msgspec
from rich.console import Console

from daytrader.cli import words
from daytrader.cli.client import AGAIN_EVERY, Client, NotDoneError
from daytrader.cli.trading import connection_options
from daytrader.web.api.account_events import AccountEvent
from daytrader.web.sse import HEARTBEAT_EVERY

SILENCE: Final = 2 * HEARTBEAT_EVERY + 5
"""Seconds without anything, not even a comment, after which a stream counts as broken."""

_decode = msgspec.json.Decoder(AccountEvent).decode


@click.command()
@click.argument("user", envvar="DAYTRADER_USER")
@click.option("--count", type=click.IntRange(min=1), help="End after so many events.  [default: never]")
@connection_options
def watch(client: Client, count: int | None) -> None:
    """Show the account of USER as it is, and then whatever happens to it, as it happens.

    Should the connection break, it goes on where it was. With --json each event is a line.
    """
    left = count
    last = ""
    while True:
        path = client.path("/stream") + (f"?last_event_id={quote(last)}" if last else "")
        with client.ask("GET", path, seconds=SILENCE) as answer:
            try:
                for event_id, data in events(answer):
                    last = event_id or last
                    if not data:
                        continue
                    _show(client, data)
                    left = None if left is None else left - 1
                    if left == 0:
                        return
            except (OSError, http.client.HTTPException):
                click.echo("the stream broke; it is taken up again", err=True)
        time.sleep(AGAIN_EVERY)


def events(lines: Iterable[bytes]) -> Iterator[tuple[str, str]]:
    """Yield id and data of the events of a stream; the data of a heartbeat is empty."""
    event_id, data = "", []
    for line in lines:
        name, _, value = line.decode().rstrip("\n").partition(":")
        value = value.removeprefix(" ")
        if name == "id":
            event_id = value
        elif name == "data":
            data.append(value)
        elif not name and not value:
            yield event_id, "\n".join(data)
            event_id, data = "", []


def _show(client: Client, data: str) -> None:
    if client.as_json:
        click.echo(data)
        return
    try:
        event = _decode(data)
    except msgspec.MsgspecError as error:
        raise NotDoneError(f"the stream tells what is none of a trading system ({error})") from error
    for one in event.happened:
        click.echo(words.happening(one))
    if event.account is None:
        click.echo(f"{client.user} does not exist yet")
    else:
        Console().print(words.account(event.account))
