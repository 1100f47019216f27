"""`daytrader identity`: the people who may use an installation where tokens are required."""

import asyncio
from typing import IO

import click
from rich.console import Console
from rich.table import Table

from daytrader.auth.identity import NAME_WANTED, Identity, is_name
from daytrader.auth.password import Passwords, refusal
from daytrader.auth.port import AuthStore
from daytrader.auth.role import Role
from daytrader.cli.auth_store import Place, moment, place_options

_password_file = click.option(
    "--password-file", type=click.File(), help="Read the password from there, - is standard input.  [default: ask]"
)


@click.group()
def identity() -> None:
    """Add, list and remove identities, and set their passwords.

    An identity is a name with a role (trader, broker or admin) and a password. A trader trades as the user of its own
    name alone, a broker as any user; an admin reads the whole log, too. Programs show tokens (`daytrader token`).
    """


@identity.command()
@click.argument("name")
@click.option(
    "--role", type=click.Choice(["trader", "broker", "admin"]), default="trader", show_default=True, help="What it may."
)
@_password_file
@click.option("--no-password", is_flag=True, help="Nobody can sign in as it; only its tokens are good.")
@click.option("--again", is_flag=True, help="Bring back a name that was removed, and the account under it.")
@place_options
def add(name: str, role: Role, password_file: IO[str] | None, no_password: bool, again: bool, place: Place) -> None:
    """Add an identity. Its NAME is a userid, and given once: a removed one stays taken unless it is brought back."""
    if not is_name(name):
        raise click.BadParameter(f"{name!r} cannot name an identity: {NAME_WANTED}")
    hashed = "" if no_password else _hashed(_given(password_file))
    now = place.clock()
    new = Identity(name=name, role=role, password=hashed, created=now, changed=now)
    if not place.ask(lambda store: store.add(new, again=again)):
        raise click.ClickException(
            f"nobody was removed who was named {name}" if again else f"{name} is there already, or was (see `list`)"
        )
    click.echo(f"{name} is {'an' if role == 'admin' else 'a'} {role}")


@identity.command("list")
@place_options
def list_(place: Place) -> None:
    """List all identities, removed ones too."""
    table = Table("name", "role", "created", "password", "removed")
    for one in place.ask(lambda store: store.identities()):
        since = f"since {moment(one.changed)}" if one.password else "none"
        table.add_row(one.name, one.role, moment(one.created), since, moment(one.removed))
    Console().print(table)


@identity.command()
@click.argument("name")
@_password_file
@place_options
def passwd(name: str, password_file: IO[str] | None, place: Place) -> None:
    """Set the password of NAME. Its tokens stay good."""
    hashed = _hashed(_given(password_file))
    if not place.ask(lambda store: store.set_password(name, hashed, place.clock())):
        raise click.ClickException(f"nobody is named {name}")
    click.echo(f"{name} has a new password")


@identity.command()
@click.argument("name")
@place_options
def remove(name: str, place: Place) -> None:
    """Remove NAME: within 5 s its tokens are good for nothing. The account of that userid stays as it is."""

    async def work(store: AuthStore) -> bool:
        return await store.remove(name, place.clock())

    if not place.ask(work):
        raise click.ClickException(f"nobody is named {name}")
    click.echo(f"{name} is removed")


def _given(password_file: IO[str] | None) -> str:
    if password_file is not None:
        password = password_file.read().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    if why := refusal(password):
        raise click.ClickException(why)
    return password


def _hashed(password: str) -> str:
    passwords = Passwords()
    try:
        return asyncio.run(passwords.hash(password))
    finally:
        passwords.close()
