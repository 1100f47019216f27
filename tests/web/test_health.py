"""The health of a cluster, as its services tell it."""

from daytrader.health import Part
from daytrader.membership import Alone
from daytrader.web.health import RemoteHealth
from daytrader.web.session import InternalSession
from tests.web.replica import TOKEN, HttpServer, Replica, free_port


async def _parts(url: str, audit: str = "", token: str = TOKEN) -> list[Part]:
    session = InternalSession(token)
    try:
        return await RemoteHealth("0", session, Alone(url), audit).parts()
    finally:
        await session.close()


async def test_every_service_is_asked(replica_server: HttpServer) -> None:
    """The parts are what the services say, behind the web replica's own."""
    assert await _parts(replica_server.url) == [
        Part("web 0", True, "sends commands to 1 transaction replica"),
        Part("redis", True, "shares quotes"),
    ]


async def test_a_service_that_is_away_is_named(replica_server: HttpServer) -> None:
    """A service that does not answer is a part that is not well."""
    audit = f"http://127.0.0.1:{free_port()}"
    part = (await _parts(replica_server.url, audit))[-1]
    assert (part.name, part.ok) == (f"audit {audit}", False)
    assert part.says.startswith("cannot be reached")


async def test_a_service_that_denies_the_credential_is_named(replica_server: HttpServer) -> None:
    """An answer other than 200 is said."""
    part = (await _parts(replica_server.url, token="another"))[-1]
    assert part == Part(f"transaction {replica_server.url}", False, "answers 401 when asked how it is")


async def test_of_a_part_that_two_know_the_worse_is_told(replica: Replica, replica_server: HttpServer) -> None:
    """Redis that one replica reaches and another does not is not well."""
    other = Replica()
    other.health = b'[{"name":"redis","ok":false,"says":"is silent"},{"name":"data set","ok":true,"says":"well"}]'
    async with other.server() as server:
        parts = await _parts(replica_server.url, server.url)
    assert parts[1:] == [Part("redis", False, "is silent"), Part("data set", True, "well")]


async def test_an_unreadable_answer_is_named(replica: Replica, replica_server: HttpServer) -> None:
    """A service that answers something else than parts is not well."""
    replica.health = b"[1]"
    part = (await _parts(replica_server.url))[-1]
    assert not part.ok
    assert part.says.startswith("its answer cannot be read")


async def test_other_web_replicas_are_named(replica_server: HttpServer) -> None:
    """Of the other web replicas, one that answers is well and one that is away is not, each under its address."""
    away = f"http://127.0.0.1:{free_port()}"
    session = InternalSession(TOKEN)
    try:
        health = RemoteHealth("0", session, Alone("x"), "", other_webs=[replica_server.url, away])
        parts = {part.name: part for part in await health.parts()}
    finally:
        await session.close()
    assert parts[f"web {replica_server.url}"].ok
    assert not parts[f"web {away}"].ok
    assert "cannot be reached" in parts[f"web {away}"].says
