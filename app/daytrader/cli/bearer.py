"""The options `--token` and `--token-file` of every command that talks to a web service."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from daytrader.bearer import Bearer

_text = click.option(
    "--token",
    default="",
    envvar="DAYTRADER_TOKEN",
    show_envvar=True,
    help="Bearer token to show. Others on this machine may see it here: prefer the variable, or a file.",
)
_file = click.option(
    "--token-file",
    envvar="DAYTRADER_TOKEN_FILE",
    show_envvar=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File that holds the bearer token; read again when it changes. Goes before --token.",
)


def bearer_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give `command` both options, and one parameter `bearer` for what they say."""

    @functools.wraps(command)
    def with_bearer(*args: Any, token: str, token_file: Path | None, **others: Any) -> None:
        bearer = Bearer(token, token_file)
        try:
            bearer.token()
        except OSError as error:
            raise click.ClickException(str(error)) from error
        command(*args, bearer=bearer, **others)

    return _text(_file(with_bearer))
