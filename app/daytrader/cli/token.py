"""`daytrader token`: bearer tokens for the programs that use an installation where tokens are required."""

from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.table import Table

from daytrader.auth.port import AuthStore
from daytrader.auth.role import Role
from daytrader.auth.token import LONGEST_NAME, Token, new_text, stored, stored_for
from daytrader.cli.auth_store import Place, moment, place_options
from daytrader.local.secret import write_private

_DAY_MS: Final = 86_400_000


@click.group()
def token() -> None:
    """Create, list and revoke bearer tokens. `daytrader identity` keeps the people."""


@token.command()
@click.argument("name")
@click.option("--role", type=click.Choice(["broker", "admin"]), help="A token that is good by itself, for a program.")
@click.option("--identity", "owner", metavar="NAME", help="A token that acts as this identity, in the role it has.")
@click.option("--days", type=click.IntRange(1, 36_500), default=90, show_default=True, help="When it expires.")
@click.option("--forever", is_flag=True, help="It does not expire.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write it there, for you alone.")
@place_options
def create(
    name: str,
    role: Role | None,
    owner: str | None,
    days: int,
    forever: bool,
    output: Path | None,
    place: Place,
) -> None:
    """Create a token; NAME says what it is for. Its text is shown this once: only a hash of it is stored.

    \b
    Examples:
      daytrader token create load --role broker -o broker-token
      daytrader token create laptop --identity bob --days 30
    """
    if (role is None) == (owner is None):
        raise click.UsageError("give either --role or --identity")
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise click.BadParameter(f"a token's name has 1 to {LONGEST_NAME} printable characters")
    text, now = new_text(), place.clock()
    expires = 0 if forever else now + days * _DAY_MS

    async def made(store: AuthStore) -> Token:
        if role is not None:
            new = stored(text, name, role, now=now, expires=expires)
        else:
            identity = await store.identity(owner or "")
            if identity is None or identity.removed:
                raise click.ClickException(f"nobody is named {owner}: see `daytrader identity list`")
            new = stored_for(identity, text, name, now=now, expires=expires)
        await store.add_token(new)
        return new

    new = place.ask(made)
    until = f"until {moment(expires)}" if expires else "until it is revoked"
    if output is None:
        click.echo(text)
    else:
        write_private(output, f"{text}\n")
    where = "shown once" if output is None else f"in {output}"
    click.echo(f"token {new.id}, {where}, is good {until}", err=True)


@token.command("list")
@place_options
def list_(place: Place) -> None:
    """List all tokens, revoked and expired ones too; their texts are stored nowhere."""
    table = Table("id", "name", "acts as", "created", "good until")
    table.columns[0].no_wrap = True
    now = place.clock()
    for one in place.ask(lambda store: store.tokens()):
        acts_as = f"identity {one.identity}" if one.role is None else one.role
        table.add_row(one.id, one.name, acts_as, moment(one.created), _end(one, now))
    Console().print(table)


@token.command()
@click.argument("token_id", metavar="ID")
@place_options
def revoke(token_id: str, place: Place) -> None:
    """Revoke the token with that ID (see `list`): within 5 s it is good for nothing, for ever."""
    if not place.ask(lambda store: store.revoke(token_id, place.clock())):
        raise click.ClickException(f"no token that is not revoked has the id {token_id}: see `daytrader token list`")
    click.echo(f"{token_id} is revoked")


def _end(one: Token, now: int) -> str:
    if one.revoked:
        return f"revoked {moment(one.revoked)}"
    if one.expires and one.expires <= now:
        return f"expired {moment(one.expires)}"
    return moment(one.expires) or "it is revoked"
