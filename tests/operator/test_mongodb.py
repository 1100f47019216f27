"""The members' adapter on real mongods."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import trustme
from pymongo.errors import OperationFailure

from daytrader_operator import resources
from daytrader_operator.config import first, with_member, without_member
from daytrader_operator.facts import Certificate, Credentials, Mongod, Says
from daytrader_operator.mongodb import Connections
from daytrader_operator.observe import fingerprint
from tests.operator.daemons import Daemons, daemons
from tests.operator.sets import wanted
from tests.operator.simulation.cluster import NAME

KEY = "ab" * 32


@pytest.fixture
async def members(tmp_path: Path) -> AsyncIterator[Daemons]:
    """Mongods on the loopback."""
    async with daemons(tmp_path) as found:
        yield found


@pytest.fixture
async def connections() -> AsyncIterator[Connections]:
    """Connections that end with the test."""
    found = Connections()
    yield found
    await found.close()


async def until(look: Callable[[], Awaitable[Mongod]], holds: Callable[[Mongod], bool]) -> Mongod:
    """What the member says, once it is as awaited."""
    said: Mongod | None = None
    try:
        async with asyncio.timeout(40):
            while True:
                said = await look()
                if holds(said):
                    return said
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"the member still says {said}") from None


async def test_a_set_is_formed_changed_and_handed_over(members: Daemons, connections: Connections) -> None:
    """Empty; initiated; a second member joins and copies; the first steps down and leaves; the user is made."""
    asked = connections.connect(KEY, None)
    one, two = members.host(0), members.host(1)
    assert (await asked.ask(one)).says is Says.SILENT
    await members.start(0, KEY)
    await members.start(1, KEY)
    assert (await until(lambda: asked.ask(one), lambda said: said.says is not Says.SILENT)).says is Says.EMPTY
    await until(lambda: asked.ask(two), lambda said: said.says is Says.EMPTY)
    assert (await connections.connect("another key", None).ask(one)).says is Says.REFUSES

    asked = connections.connect(KEY, None)
    await asked.initiate(one, first(NAME, one))
    formed = await until(lambda: asked.ask(one), lambda said: said.writable)
    assert formed.config is not None
    assert formed.config.document["settings"]["heartbeatIntervalMillis"] == 500
    assert formed.applied is not None
    assert formed.version.startswith("6.0")
    with pytest.raises(OperationFailure, match="already initialized"):
        await asked.initiate(one, first(NAME, one))

    await asked.reconfigure(one, with_member(formed.config, two))
    with pytest.raises(OperationFailure):
        await asked.reconfigure(one, with_member(formed.config, two))
    joined = await until(lambda: asked.ask(two), lambda said: said.state == "SECONDARY")
    assert joined.config is not None
    assert joined.config.replica_set_id == formed.config.replica_set_id
    primary = await until(lambda: asked.ask(one), lambda said: said.peers.get(two) == "SECONDARY")
    assert primary.peers == {one: "PRIMARY", two: "SECONDARY"}

    user = resources.create_user(wanted(), Credentials("daytrader", "secret", ""))
    assert not await asked.user_is(one, user)
    await asked.make_user(one, user)
    await asked.make_user(one, user)
    assert await asked.user_is(one, user)
    assert not await asked.user_is(one, resources.create_user(wanted(), Credentials("daytrader", "other", "")))

    await asked.step_down(one)
    leader = await until(lambda: asked.ask(two), lambda said: said.writable)
    assert leader.config is not None
    assert leader.term > formed.term
    await asked.reconfigure(two, without_member(leader.config, one))
    removed = await until(lambda: asked.ask(one), lambda said: said.state == "REMOVED")
    assert removed.config is not None

    await members.stop(0)
    assert (await asked.ask(one)).says is Says.SILENT


async def test_data_of_another_set_are_known_as_such(members: Daemons, connections: Connections) -> None:
    """Started under another set's name a member still tells whose it is; data of a lone server are not called empty."""
    asked = connections.connect(KEY, None)
    one, two = members.host(0), members.host(1)
    await members.start(0, KEY)
    await until(lambda: asked.ask(one), lambda said: said.says is Says.EMPTY)
    await asked.initiate(one, first(NAME, one))
    await until(lambda: asked.ask(one), lambda said: said.writable)
    await members.stop(0)
    await members.start(0, KEY, "another")
    foreign = await until(lambda: asked.ask(one), lambda said: said.says is not Says.SILENT)
    assert foreign.config is not None
    assert (foreign.config.name, foreign.state) == (NAME, "REMOVED")

    await members.start(1, KEY, None)
    await until(lambda: asked.ask(two), lambda said: "--replSet" in said.why)
    client = asked._client(two)
    await client.daytrader.things.insert_one({})
    await members.stop(1)
    await members.start(1, KEY)
    strange = await until(lambda: asked.ask(two), lambda said: said.says is not Says.SILENT)
    assert (strange.says, strange.why) == (Says.STRANGE, "1 collections of no replica set")


async def test_certificates_are_read_again_without_a_restart(tmp_path: Path, connections: Connections) -> None:
    """What a member shows is seen; with a new file and one command it shows the new one; strangers are not believed."""
    authority = trustme.CA()
    server, believed = tmp_path / "server.pem", tmp_path / "ca.crt"
    authority.cert_pem.write_to_path(believed)

    def issue() -> Certificate:
        issued = authority.issue_cert("localhost")
        issued.private_key_and_cert_chain_pem.write_to_path(server)
        text = server.read_text()
        return Certificate(text, believed.read_text(), fingerprint(text))

    old = issue()
    async with daemons(tmp_path, (server, believed)) as members:
        await members.start(0, KEY)
        asked = connections.connect(KEY, old.authority)
        host = members.host(0)
        await until(lambda: asked.ask(host), lambda said: said.says is Says.EMPTY)
        await asked.initiate(host, first(NAME, host))
        shown = await until(lambda: asked.ask(host), lambda said: said.writable)
        assert shown.certificate == old.fingerprint
        new = issue()
        assert (await asked.ask(host)).certificate == old.fingerprint
        await asked.rotate_certificates(host)
        assert (await asked.ask(host)).certificate == new.fingerprint
        other = trustme.CA().cert_pem.bytes().decode()
        assert (await connections.connect(KEY, other).ask(host)).says is Says.SILENT
