"""The option `--ca` of every command that talks to a web service."""

from pathlib import Path

import click

ca_option = click.option(
    "--ca",
    envvar="DAYTRADER_CA",
    show_envvar=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="PEM file of the CA by which the server of an https URL is verified. Default: the system's CAs.",
)
