"""The members of a replica set, each spoken to on a connection of its own, as MongoDB's internal user `__system`.

Whoever has the keyfile may be `__system`, whose password is the keyfile's text without white space. So the operator
needs no shell in the image and no right to execute commands in pods. Every call ends within `SILENCE_S` of its last
sign of life, and raises PyMongoError.
"""

import asyncio
import hashlib
import ssl
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError

from daytrader_operator.facts import Config, Document, Mongod, Says

CONNECT_S: Final = 2.0
SILENCE_S: Final = 8.0
"""Longer than a primary that steps down may wait for the others."""

CATCH_UP_S: Final = 5
"""How long a primary that steps down waits for a secondary to have everything."""

AWAY_S: Final = 20
"""How long it then does not stand for election."""

_AUTHENTICATION_FAILED: Final = 18
_USER_NOT_FOUND: Final = 11
_NOT_YET_INITIALIZED: Final = 94
_NOT_A_MEMBER: Final = 93
_MAJORITY: Final = {"w": "majority", "wtimeout": 3_000}

Client = AsyncMongoClient[dict[str, Any]]


class Connections:
    """The members of one set, connected to anew where keyfile or certificate authority are others."""

    def __init__(self) -> None:
        self._directory = TemporaryDirectory(prefix="daytrader-operator-")
        self._members: Members | None = None
        self._closing: set[asyncio.Task[None]] = set()

    def connect(self, key: str, authority: str | None) -> "Members":
        """Return the members, for the keyfile's text and the certificate authority (PEM; None: without TLS)."""
        if self._members is None or not self._members.is_for(key, authority):
            self._close()
            self._members = Members(key, authority, Path(self._directory.name))
        return self._members

    async def close(self) -> None:
        """Give all connections back."""
        self._close()
        await asyncio.gather(*self._closing)
        self._directory.cleanup()

    def _close(self) -> None:
        if self._members is not None:
            closing = asyncio.get_running_loop().create_task(self._members.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
            self._members = None


class Members:
    """The members of one set, for whoever has the keyfile's text `key`.

    With `authority` (PEM, put into `directory`) connections are TLS and members must show a certificate of it.
    """

    def __init__(self, key: str, authority: str | None, directory: Path) -> None:
        self._key = key
        self._authority = authority
        self._authority_file: Path | None = None
        if authority is not None:
            self._authority_file = directory / f"{hashlib.sha256(authority.encode()).hexdigest()[:16]}.pem"
            self._authority_file.write_text(authority)
        self._clients: dict[str, Client] = {}

    def is_for(self, key: str, authority: str | None) -> bool:
        """Return whether these are still the right credentials."""
        return (self._key, self._authority) == (key, authority)

    async def close(self) -> None:
        """Give all connections back."""
        clients, self._clients = list(self._clients.values()), {}
        await asyncio.gather(*(client.close() for client in clients))

    async def keep(self, hosts: frozenset[str]) -> None:
        """Give the connections to all other members back."""
        gone = [self._clients.pop(host) for host in self._clients.keys() - hosts]
        await asyncio.gather(*(client.close() for client in gone))

    async def ask(self, host: str) -> Mongod:
        """Return what the member says of itself; never raises."""
        try:
            async with asyncio.timeout(SILENCE_S):
                return await self._ask(host)
        except TimeoutError:
            return Mongod(Says.SILENT, why=f"no answer within {SILENCE_S:g} s")
        except OperationFailure as error:
            says = Says.REFUSES if error.code == _AUTHENTICATION_FAILED else Says.SILENT
            return Mongod(says, why=_shortened(error))
        except (PyMongoError, OSError) as error:
            return Mongod(Says.SILENT, why=_shortened(error))

    async def _ask(self, host: str) -> Mongod:
        client = self._client(host)
        try:
            answer = await client.admin.command("replSetGetConfig")
        except OperationFailure as error:
            if error.code != _NOT_YET_INITIALIZED:
                raise
            return await self._without_config(client)
        config = Config(answer["config"])
        shown = await self._certificate(host)
        try:
            status = await client.admin.command("replSetGetStatus")
        except OperationFailure as error:
            if error.code != _NOT_A_MEMBER:
                raise
            return Mongod(Says.CONFIGURED, config=config, state="REMOVED", certificate=shown)
        own = next(member for member in status["members"] if member.get("self"))
        applied = status["optimes"].get("lastAppliedWallTime")
        hello = await client.admin.command("hello")
        build = await client.admin.command("buildInfo")
        return Mongod(
            Says.CONFIGURED,
            config=config,
            state=own["stateStr"],
            writable=hello["isWritablePrimary"],
            copying="initialSyncStatus" in status,
            term=status["term"],
            applied=applied if applied is not None and applied.year > 1970 else None,
            peers={m["name"]: m["stateStr"] for m in status["members"] if m.get("self") or m.get("health")},
            version=build["version"],
            certificate=shown,
        )

    async def _without_config(self, client: Client) -> Mongod:
        """A member that has taken no configuration: an empty one, or one whose data are of something else."""
        if await client.local["system.replset"].find_one({}) is not None:
            return Mongod(Says.SILENT, why="it is starting, and has not read its configuration yet")
        # Before there is a configuration, mongod lists no databases, but it counts collections that are not its own.
        counted = (await client.admin.command("serverStatus"))["catalogStats"]["collections"]
        if counted:
            return Mongod(Says.STRANGE, why=f"{counted} collections of no replica set")
        return Mongod(Says.EMPTY)

    async def initiate(self, host: str, config: Document) -> None:
        """Make the member a set of its own."""
        await self._client(host).admin.command("replSetInitiate", config)

    async def reconfigure(self, primary: str, config: Document) -> None:
        """Put a newer configuration into force; refused by the primary where it is not newer than its own."""
        await self._client(primary).admin.command("replSetReconfig", config, maxTimeMS=int(CATCH_UP_S * 1000))

    async def step_down(self, primary: str) -> None:
        """Let another member become primary; refused where none has everything within `CATCH_UP_S`."""
        await self._client(primary).admin.command("replSetStepDown", AWAY_S, secondaryCatchUpPeriodSecs=CATCH_UP_S)

    async def user_is(self, primary: str, user: Document) -> bool:
        """Return whether the user is there with these roles and this custom data."""
        asked = {"user": user["createUser"], "db": "admin"}
        answer = await self._client(primary).admin.command("usersInfo", asked)
        return any(
            _roles(found["roles"]) == _roles(user["roles"]) and found.get("customData") == user["customData"]
            for found in answer["users"]
        )

    async def make_user(self, primary: str, user: Document) -> None:
        """Make the user, or make it so: `user` is a createUser command."""
        facts = {name: value for name, value in user.items() if name != "createUser"}
        admin = self._client(primary).admin
        try:
            await admin.command("updateUser", user["createUser"], **facts, writeConcern=_MAJORITY)
        except OperationFailure as error:
            if error.code != _USER_NOT_FOUND:
                raise
            await admin.command("createUser", user["createUser"], **facts, writeConcern=_MAJORITY)

    async def rotate_certificates(self, host: str) -> None:
        """Let the member read its certificate files again."""
        await self._client(host).admin.command("rotateCertificates", 1)

    def _client(self, host: str) -> Client:
        if host not in self._clients:
            self._clients[host] = self._connect(host)
        return self._clients[host]

    def _connect(self, host: str) -> Client:
        tls: Mapping[str, Any] = {}
        if self._authority_file is not None:
            tls = {"tls": True, "tlsCAFile": str(self._authority_file)}
        return AsyncMongoClient(
            host,
            appname="daytrader-operator",
            username="__system",
            password="".join(self._key.split()),
            authSource="local",
            authMechanism="SCRAM-SHA-256",
            directConnection=True,
            retryReads=False,
            retryWrites=False,
            serverSelectionTimeoutMS=int(CONNECT_S * 1000),
            connectTimeoutMS=int(CONNECT_S * 1000),
            waitQueueTimeoutMS=int(CONNECT_S * 1000),
            socketTimeoutMS=int(SILENCE_S * 1000),
            # A watching stream to every member would cost a connection each; we come by every few seconds anyway.
            serverMonitoringMode="poll",
            **tls,
        )

    async def _certificate(self, host: str) -> str:
        """The SHA-256 of the certificate that the member shows now; empty without TLS."""
        if self._authority is None:
            return ""
        context = ssl.create_default_context(cadata=self._authority)
        # Here we look which one it shows. Whether that is a good one the other connections judge.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        name, _, port = host.rpartition(":")
        _, writer = await asyncio.open_connection(name, int(port), ssl=context)
        try:
            shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        finally:
            writer.close()
        return hashlib.sha256(shown).hexdigest()


def _shortened(error: Exception) -> str:
    """What went wrong, without what differs each time: it becomes part of a status."""
    text = str(error)
    for more in (" (configured timeouts", ", Timeout:", ", full error:"):
        text = text.partition(more)[0]
    return text[:200]


def _roles(roles: list[dict[str, str]]) -> list[tuple[str, str]]:
    return sorted((role["role"], role["db"]) for role in roles)
