"""Where `daytrader identity` and `daytrader token` find the store of an installation, running or not."""

import asyncio
import functools
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from daytrader.auth.mongodb import MongoAuthStore
from daytrader.auth.port import AuthStore, AuthUnavailableError
from daytrader.auth.sqlite import FILE, SqliteAuthStore
from daytrader.clock import Clock, clock_of
from daytrader.settings import Settings, SettingsError, load

T = TypeVar("T")

_data = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("data"),
    show_default=True,
    help="Of an embedded installation: what `daytrader up --data` names.",
)
_data_uri = click.option(
    "--data-uri", metavar="URI", help="Of a cluster mode: the data set.  [default: DAYTRADER_DATA_URI]"
)


class Place:
    """The store that the options name; a running installation sees what is changed in it."""

    def __init__(self, data: Path, data_uri: str | None) -> None:
        """Raises ClickException where the options name none."""
        given = {**os.environ, **({"DAYTRADER_DATA_URI": data_uri} if data_uri else {})}
        try:
            self._settings: Settings = load(given)
        except SettingsError as error:
            raise click.ClickException(str(error)) from error
        self._directory = data / "embedded"
        if not self._settings.data_uri and not self._directory.is_dir():
            raise click.ClickException(
                f"there is no embedded installation in {data}: start `daytrader up` there first, or name the data set "
                "of a cluster mode in DAYTRADER_DATA_URI"
            )
        self.clock: Clock = clock_of(self._settings.clock_file)

    def ask(self, work: Callable[[AuthStore], Awaitable[T]]) -> T:
        """Return what `work` returns of the open store. Raises ClickException where the store is away."""

        async def opened() -> T:
            store = self._store()
            try:
                await store.open()
                return await work(store)
            finally:
                await store.close()

        try:
            return asyncio.run(opened())
        except AuthUnavailableError as error:
            raise click.ClickException(str(error)) from error

    def _store(self) -> AuthStore:
        if self._settings.data_uri:
            return MongoAuthStore(self._settings.data_uri, self._settings.mongodb_ca)
        return SqliteAuthStore(self._directory / FILE)


def place_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give `command` the options that name a store, and one parameter `place` for what they say."""

    @functools.wraps(command)
    def with_place(*args: Any, data: Path, data_uri: str | None, **others: Any) -> None:
        command(*args, place=Place(data, data_uri), **others)

    return _data(_data_uri(with_place))


def moment(ms: int) -> str:
    """Return a moment as a list shows it; empty: there is none."""
    return f"{datetime.fromtimestamp(ms / 1_000, UTC):%Y-%m-%d %H:%M} UTC" if ms else ""
