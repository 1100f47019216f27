"""Who may use an installation: tokens of every role, everywhere and through everything that happens to them."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, Literal

from tests.cluster.case import case
from tests.cluster.cases.replicas import wait_replicas
from tests.cluster.cases.tls import AUTHORITY, secured
from tests.cluster.installation import Installation
from tests.cluster.load import disturbed
from tests.cluster.reach import Client, Way, replicas, ways
from tests.cluster.shell import require
from tests.cluster.strike import delete_pod
from tests.cluster.world import World

REPLICAS: Final = 2

Who = Literal["nobody", "trader", "broker", "admin"]

ASKED: Final[dict[str, dict[Who, int]]] = {
    "own account": {"nobody": 401, "trader": 200, "broker": 200, "admin": 200},
    "another's account": {"nobody": 401, "trader": 403, "broker": 200, "admin": 200},
    "own log": {"nobody": 401, "trader": 200, "broker": 200, "admin": 200},
    "whole log": {"nobody": 401, "trader": 403, "broker": 403, "admin": 200},
    "/health": {"nobody": 401, "trader": 403, "broker": 403, "admin": 200},
    "/ready": {"nobody": 200, "trader": 200, "broker": 200, "admin": 200},
}
"""What each is answered; "own" is the trader's."""

REVOKED_WITHIN: Final = 5.0
"""Seconds after which no replica takes a token that was revoked."""

_SIGNS_IN: Final = """
import asyncio, os, sys
from daytrader.auth.mongodb import MongoAuthStore
from daytrader.auth.password import Passwords
async def check():
    store = MongoAuthStore(os.environ["DAYTRADER_DATA_URI"], os.environ.get("DAYTRADER_MONGODB_CA", ""))
    identity = await store.identity("admin")
    print(identity.role, await Passwords().matches(identity.password, sys.stdin.read()))
    await store.close()
asyncio.run(check())
"""


@case("auth", minutes=20)
def _(world: World) -> None:
    """With TLS each role may what it may at every replica, revocations hold in 5 s, and tokens outlive pods."""
    installation = secured(world)
    installation.scale("web", REPLICAS)
    wait_replicas(installation, "web", REPLICAS)
    authority = AUTHORITY.write(world.out() / "ca.crt")
    said = in_web(installation, "python", "-c", _SIGNS_IN, stdin=installation.secret("admin", "password")).strip()
    world.figure("the first password is that of", said)
    require(said == "admin True", f"the first admin's password is not good: {said}")

    trader = f"trader{secrets.token_hex(4)}"
    in_web(installation, "daytrader", "identity", "add", trader, "--no-password")
    tokens: dict[Who, str] = {
        "nobody": "",
        "trader": _new_token(installation, "--identity", trader),
        "broker": installation.token("broker"),
        "admin": installation.token("admin"),
    }
    _each_may_what_it_may(world, installation, authority, trader, tokens)
    revoked = _new_token(installation, "--role", "broker")
    _revoke(world, installation, authority, revoked)

    def strike() -> None:
        began = time.monotonic()
        installation.kubectl("rollout", "restart", f"deployment/{installation.name('web')}")
        wait_replicas(installation, "web", REPLICAS)
        world.figure("web restarted, s", time.monotonic() - began)
        delete_pod(installation, installation.primary("data-set"))
        time.sleep(3)
        world.figure("data set whole again, s", installation.wait_set("data-set", 3))

    disturbed(world, installation, strike, seconds=120)
    _each_may_what_it_may(world, installation, authority, trader, tokens)
    with replicas(installation, scheme="https") as all_of_them:
        statuses = asyncio.run(_at_each(all_of_them, authority, revoked, _trades))
    require(set(statuses) == {401}, f"the revoked token is answered {statuses} afterwards")
    installation.remove()


@case("open", minutes=10)
def _(world: World) -> None:
    """Upgraded to `open`, everybody may everything; upgraded back, the tokens of before are needed, and good."""
    installation = world.installation()
    before = installation.token("admin")
    for mode, expected in (("open", 200), ("required", 401)):
        installation.upgrade({"auth": {"mode": mode}})
        wait_replicas(installation, "web", 1)
        for what, ask in {"a command": _trades, "the whole log": _reads_all, "/health": _asks_health}.items():
            (status,) = asyncio.run(_at_each([ways(installation)[0]], None, "", ask))
            world.figure(f"{mode}: {what} without a token", status)
            require(status == expected, f"{mode}: {what} without a token is answered {status}, not {expected}")
    require(
        "not well" not in in_web(installation, "daytrader", "status"), "`daytrader status` in web's pod is not well"
    )
    require(installation.token("admin") == before, "the tokens are others than before")
    (status,) = asyncio.run(_at_each([ways(installation)[0]], None, before, _reads_all))
    require(status == 200, f"the whole log with the admin's token is answered {status}")


def in_web(installation: Installation, *command: str, stdin: str | None = None) -> str:
    """Run a program in a pod of web, which knows where identities are kept; return what it printed."""
    where = ("exec", "--stdin", f"deployment/{installation.name('web')}", "--container", "web", "--")
    return installation.kubectl(*where, *command, stdin=stdin or "", seconds=60)


def _new_token(installation: Installation, *whose: str) -> str:
    return in_web(installation, "daytrader", "token", "create", "e2e", *whose, "--days", "1").strip()


def _each_may_what_it_may(
    world: World, installation: Installation, authority: Path, trader: str, tokens: dict[Who, str]
) -> None:
    """Hold every role at every replica against the table."""
    with replicas(installation, scheme="https") as all_of_them:
        require(len(all_of_them) == REPLICAS, f"there are {len(all_of_them)} replicas of web")
        wrong = [told for way in all_of_them for told in asyncio.run(_wrong(way, authority, trader, tokens))]
        tried = len(all_of_them) * len(ASKED) * len(tokens)
    world.figure("tried, as it should be", f"{tried}, {tried - len(wrong)}")
    require(not wrong, f"{len(wrong)} answers are wrong: {'; '.join(wrong)}")


async def _wrong(way: Way, authority: Path, trader: str, tokens: dict[Who, str]) -> list[str]:
    wrong = []
    for who, token in tokens.items():
        async with Client(way, authority, token=token) as client:
            answers = {
                "own account": await client.command("ADD", userid=trader, amount="1.00"),
                "another's account": await client.command("ADD", userid="somebody", amount="1.00"),
                "own log": await client.command("DUMPLOG", userid=trader, filename="own"),
                "whole log": await client.command("DUMPLOG", filename="all"),
                "/health": await client.get("/health"),
                "/ready": await client.get("/ready"),
            }
        for what, (status, body) in answers.items():
            if status != ASKED[what][who]:
                wrong.append(f"{way.name}: {what} by {who}: {status} {body[:100]}")
    return wrong


def _revoke(world: World, installation: Installation, authority: Path, token: str) -> None:
    """Revoke a token that every replica knows; wait until none takes it any more."""
    with replicas(installation, scheme="https") as all_of_them:
        statuses = asyncio.run(_at_each(all_of_them, authority, token, _trades))
        require(set(statuses) == {200}, f"a new broker's token is answered {statuses}")
        in_web(installation, "daytrader", "token", "revoke", token.split("_")[1])
        took = asyncio.run(_refused_after(all_of_them, authority, token))
    world.figure("revoked everywhere, s", took)


async def _refused_after(all_of_them: list[Way], authority: Path, token: str) -> float:
    """Return after how many seconds no replica takes the token; none may again for a while.

    Raises:
        CaseFailedError: it takes too long.
    """
    began = time.monotonic()
    last_taken = 0.0
    while time.monotonic() - began < REVOKED_WITHIN + 3:
        statuses = await _at_each(all_of_them, authority, token, _trades)
        if set(statuses) != {401}:
            last_taken = time.monotonic() - began
        await asyncio.sleep(0.1)
    require(last_taken < REVOKED_WITHIN, f"a revoked token is still taken {last_taken:.1f} s later")
    return last_taken


Ask = Callable[[Client], Awaitable[tuple[int, str]]]


def _trades(client: Client) -> Awaitable[tuple[int, str]]:
    return client.command("ADD", userid="somebody", amount="1.00")


def _reads_all(client: Client) -> Awaitable[tuple[int, str]]:
    return client.command("DUMPLOG", filename="all")


def _asks_health(client: Client) -> Awaitable[tuple[int, str]]:
    return client.get("/health")


async def _at_each(by: list[Way], authority: Path | None, token: str, ask: Ask) -> list[int]:
    """Return the status of what is asked by each way."""
    found = []
    for way in by:
        async with Client(way, authority, token=token) as client:
            found.append((await ask(client))[0])
    return found
