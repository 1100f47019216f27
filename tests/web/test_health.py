"""The health of a cluster, as its services tell it."""

import asyncio
from pathlib import Path

import trustme

from daytrader.health import Part
from daytrader.internal import Tokens
from daytrader.membership import Addresses, Alone, listed
from daytrader.serving import listen, serve
from daytrader.session import InternalSession, ProbeSession
from daytrader.tls import ServerTls
from daytrader.web.health import RemoteHealth
from daytrader.web.sessions import Sessions
from tests.certificates import Mounted
from tests.web.replica import TOKEN, HttpServer, Replica, free_port

OWN = "http://web-0"


async def _parts(url: str, audit: str = "", token: str = TOKEN, webs: Addresses | None = None) -> list[Part]:
    session = InternalSession(Tokens(token))
    sessions = Sessions(session, session, ProbeSession())
    try:
        return await RemoteHealth("0", sessions, Alone(url), audit, webs or listed(OWN), own=OWN).parts()
    finally:
        await sessions.close()


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
    parts = {part.name: part for part in await _parts("x", webs=listed(f"{OWN},{replica_server.url},{away}"))}
    assert parts[f"web {replica_server.url}"].ok
    assert not parts[f"web {away}"].ok
    assert "cannot be reached" in parts[f"web {away}"].says
    assert f"web {OWN}" not in parts


async def test_a_list_of_web_replicas_that_cannot_be_had_is_said() -> None:
    """A name that DNS does not know is a part that is not well, and hides none of the others."""

    async def unknown() -> list[str]:
        raise OSError("Name or service not known")

    parts = await _parts("x", webs=unknown)
    assert parts[0].name == "web 0"
    assert parts[-1] == Part("web replicas", False, "the list of them cannot be had: Name or service not known")


async def test_other_web_replicas_may_have_any_certificate(tmp_path: Path) -> None:
    """Theirs is for clients, often of another CA and of another name; they are asked as a kubelet asks them."""
    mounted = Mounted(tmp_path)
    mounted.put_certificate(trustme.CA(), "trade.example.org")
    listener, stop = listen("127.0.0.1", 0), asyncio.Event()
    tls = ServerTls(mounted.certificate, mounted.key)
    serving = asyncio.create_task(serve(Replica().app, [listener], stop=stop, tls=tls))
    url = f"https://127.0.0.1:{listener.getsockname()[1]}"
    parts = {part.name: part for part in await _parts("x", webs=listed(url))}
    stop.set()
    await serving
    assert parts[f"web {url}"] == Part(f"web {url}", True, "takes commands")
