"""`daytrader serve`: one service of an installation, with settings from the environment. What a pod runs."""

import sys
from collections.abc import Callable, Coroutine

import click
import structlog
import uvloop

from daytrader import metrics
from daytrader.logs import configure
from daytrader.services import run_audit, run_transaction, run_web
from daytrader.settings import Settings, SettingsError, load

_log = structlog.get_logger()

Service = Callable[[Settings], Coroutine[None, None, None]]


@click.group()
def serve() -> None:
    """Run one service in the foreground; settings are environment variables DAYTRADER_… (see daytrader/settings.py)."""


def _serve(name: str, service: Service) -> None:
    try:
        settings = load()
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    configure(settings.log_level, name, settings.replica)
    metrics.show_build(settings.version)
    metrics.serve(port=settings.metrics_port, host=settings.host)
    try:
        uvloop.run(service(settings))
    except Exception as error:
        _log.critical("the service ends because a part of it died", error=repr(error), exc_info=True)
        sys.exit(1)


@serve.command()
def web() -> None:
    """HTTP for clients: takes commands and has them decided."""
    _serve("web", run_web)


@serve.command()
def transaction() -> None:
    """Decides commands and makes them durable."""
    _serve("transaction", run_transaction)


@serve.command()
def audit() -> None:
    """Keeps the full log and dumps it."""
    _serve("audit", run_audit)
