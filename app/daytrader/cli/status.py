"""`daytrader status`: every part of an installation, and what is wrong with it, in words."""

import json
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from daytrader.bearer import Bearer
from daytrader.cli.bearer import bearer_options
from daytrader.cli.ca import ca_option
from daytrader.tls import TlsFileError, client_context


@click.command()
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="Address of the web service.")
@ca_option
@bearer_options
@click.option("--json", "as_json", is_flag=True, help="Print the web service's own JSON.")
def status(url: str, ca: Path | None, as_json: bool, bearer: Bearer) -> None:
    """Name every part of the installation at URL and what is wrong with it.

    Exit status 0 when all parts are well, 1 when one is not.
    """
    body = _ask(f"{url.rstrip('/')}/health", ca, bearer)
    health = json.loads(body)
    if as_json:
        click.echo(body)
    else:
        table = Table("part", "state", "what it says")
        for part in health["parts"]:
            state = "[green]well[/]" if part["ok"] else "[red bold]not well[/]"
            table.add_row(part["name"], state, part["says"])
        Console().print(table)
    sys.exit(0 if health["ok"] else 1)


def _ask(url: str, ca: Path | None, bearer: Bearer) -> str:
    if not url.startswith(("http://", "https://")):
        raise click.BadParameter(f"{url!r} is no HTTP address: give one like http://127.0.0.1:8080")
    try:
        context: ssl.SSLContext | None = client_context(ca) if url.startswith("https://") else None
        request = urllib.request.Request(url, headers=bearer.headers())  # noqa: S310  the scheme is checked above
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:  # noqa: S310
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        text = error.read().decode()
        if error.code in {401, 403}:
            raise click.ClickException(f"answered {error.code}: {text}; give an admin's token") from error
        return text
    except TlsFileError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"nothing answers at {url} ({error}): is the system up there?") from error
