"""Making a replica set out of running members that know only a keyfile: initiating it, electing, creating the user.

No shell is needed. Whoever has the keyfile may speak as MongoDB's internal user `__system`, whose password is the
keyfile's text; so everything goes over the same connections as any other command. Every step looks first at what is
there, so that the same call adopts a set that was formed before.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

Client = AsyncMongoClient[dict[str, Any]]

SETTINGS: Mapping[str, int | bool] = {
    # A primary that dies or freezes is replaced within about 7 s; with the defaults it takes up to 24 s.
    "electionTimeoutMillis": 3000,
    "heartbeatTimeoutSecs": 2,
    "catchUpTimeoutMillis": 2000,
    # When a primary freezes, a secondary's report of its place to it stays under way for 30 s, and until then the new
    # primary hears only by heartbeats that a majority has an entry: with the default of 2 s, one append in 2 s.
    "heartbeatIntervalMillis": 500,
    # Every secondary reads from the primary itself: a majority must never wait for the slowest of a chain.
    "chainingAllowed": False,
}

_NOT_YET_INITIALIZED = 94
_USER_NOT_FOUND = 11
_POLL_S = 0.05
_TAKEN_MS = 5_000


class NotFormed(RuntimeError):
    """A replica set could not be formed or adopted; the text says what is in the way."""


@dataclass(frozen=True, slots=True)
class User:
    """The user that programs connect as: its password and its roles, as `createUser` takes them."""

    name: str
    password: str
    roles: Sequence[dict[str, str]]


async def form(name: str, hosts: Sequence[str], key: str, user: User, within_s: float = 60.0) -> None:
    """Makes `hosts` (`host:port`) the replica set `name` with its user, or adopts the set that they already are.

    Returns when one member is primary and all others read from it. `key` is the keyfile's text. Raises NotFormed.
    """
    try:
        async with asyncio.timeout(within_s):
            while not await _formed(name, hosts, key, user):  # noqa: ASYNC110  elections have no event for us
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        raise NotFormed(
            f"replica set {name} was not whole within {within_s:g} s: look into the logs of {', '.join(hosts)}."
        ) from None
    except PyMongoError as error:
        raise NotFormed(f"replica set {name} could not be formed: {error}") from error


async def _formed(name: str, hosts: Sequence[str], key: str, user: User) -> bool:
    try:
        await _initiated(name, hosts, key)
        await _elected(hosts[0], key)
        async with _system(hosts, key, replicaSet=name) as client:
            await _whole(client)
            return await _user_made(client, user, len(hosts))
    except ConnectionFailure:  # an election cut it; every step looks first at what is there, so begin again
        return False


async def _initiated(name: str, hosts: Sequence[str], key: str) -> None:
    configs = await asyncio.gather(*(_config(host, key) for host in hosts))
    found = next((config for config in configs if config is not None), None)
    if found is None:
        # All at once: there is nothing on any of them yet that could be lost.
        members = [{"_id": number, "host": host} for number, host in enumerate(hosts)]
        config = {"_id": name, "members": members, "settings": dict(SETTINGS)}
        async with _system(hosts[:1], key) as client:
            await client.admin.command("replSetInitiate", config)
        return
    formed_with = [member["host"] for member in found["members"]]
    if found["_id"] != name or formed_with != [*hosts]:
        raise NotFormed(
            f"the data belongs to replica set {found['_id']} of {', '.join(formed_with)}, "
            f"not to {name} of {', '.join(hosts)}: start it as it was, or choose another data directory."
        )


async def _config(host: str, key: str) -> dict[str, Any] | None:
    async with _system([host], key) as client:
        try:
            answer = await client.admin.command("replSetGetConfig")
        except OperationFailure as error:
            if error.code == _NOT_YET_INITIALIZED:
                return None
            raise
    config: dict[str, Any] = answer["config"]
    return config


async def _elected(host: str, key: str) -> None:
    """Waits for a primary; where there is none the first member is told to stand at once.

    Left alone, all of them would first wait out the election time-out in case there is a primary.
    """
    async with _system([host], key) as client:
        while True:
            with suppress(PyMongoError):  # connections are cut by the change of state that we are waiting for
                if (await client.admin.command("hello")).get("primary"):
                    return
                await client.admin.command("replSetStepUp")
            await asyncio.sleep(_POLL_S)


async def _whole(client: Client) -> None:
    """Waits until every secondary has chosen the primary to read from, as far as the primary has heard.

    A primary that freezes while a secondary is only beginning to read from it keeps that one for 20 s or longer, until
    it goes on: MongoDB has no setting for that. One that reads already gives a frozen primary up within 7 s.
    """
    while True:
        members = (await client.admin.command("replSetGetStatus"))["members"]
        primary = next((member["name"] for member in members if member["stateStr"] == "PRIMARY"), None)
        followers = [member for member in members if member["name"] != primary]
        if all(each["stateStr"] == "SECONDARY" and each.get("syncSourceHost") == primary for each in followers):
            return
        await asyncio.sleep(_POLL_S)


async def _user_made(client: Client, user: User, members: int) -> bool:
    """Sets the user's password and roles, and tells whether every member has taken that.

    A secondary that had chosen the primary before can have it from nowhere else: it has begun to read there.
    """
    facts: dict[str, Any] = {
        "pwd": user.password,
        "roles": [*user.roles],
        "mechanisms": ["SCRAM-SHA-256"],
        "writeConcern": {"w": members, "wtimeout": _TAKEN_MS},
    }
    try:
        answer = await client.admin.command("updateUser", user.name, **facts)
    except OperationFailure as error:
        if error.code != _USER_NOT_FOUND:
            raise
        answer = await client.admin.command("createUser", user.name, **facts)
    return "writeConcernError" not in answer


def _system(hosts: Sequence[str], key: str, **options: Any) -> Client:
    return AsyncMongoClient(
        [*hosts],
        username="__system",
        password="".join(key.split()),
        authSource="local",
        authMechanism="SCRAM-SHA-256",
        directConnection="replicaSet" not in options,
        serverSelectionTimeoutMS=20_000,
        connectTimeoutMS=2_000,
        socketTimeoutMS=20_000,
        **options,
    )
