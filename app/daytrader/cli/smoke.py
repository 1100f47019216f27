"""`daytrader smoke`: whether a system that has just come up trades. What `helm test` runs."""

from pathlib import Path

import click
import uvloop

from daytrader.bearer import Bearer
from daytrader.cli.bearer import bearer_options
from daytrader.cli.ca import ca_option
from daytrader.tls import TlsFileError
from daytrader.workload.smoke import Smoke, SmokeError


@click.command()
@click.option("--url", required=True, help="Where the web service is, like http://127.0.0.1:8080.")
@ca_option
@bearer_options
def smoke(url: str, ca: Path | None, bearer: Bearer) -> None:
    """Trade with the system at URL as a new user: ADD, QUOTE, BUY, COMMIT_BUY, DISPLAY_SUMMARY, DUMPLOG.

    Each must be accepted within 30 s; the log must be valid, tell of each once, and lead to the balance that was shown.
    Exit status 0 when all of that is so. The user and the shares stay.
    """
    try:
        uvloop.run(Smoke(url, ca, click.echo, bearer).run())
    except (SmokeError, TlsFileError) as error:
        raise click.ClickException(str(error)) from error
