"""The web service of a cluster, whole: HTTP in, a batch to a replica, HTTP out."""

import asyncio
import json

from daytrader.domain.command import Command
from daytrader.health import Part
from daytrader.settings import Settings
from daytrader.transaction.message import Reply
from daytrader.trust import Trust
from daytrader.web.service import WebService
from tests.web.client import exchange, get
from tests.web.replica import TOKEN, HttpServer, Replica


async def test_a_command_goes_through(replica: Replica, replica_server: HttpServer) -> None:
    """A command that comes over HTTP is decided by the replica that the settings name."""
    settings = Settings(transaction_urls=replica_server.url, internal_token=TOKEN, replica="0")
    service = WebService(settings, Trust(settings))
    task = service.start()
    async with HttpServer(service.app) as server:
        answer = await exchange(server.port, get("/command/ADD?userid=alice&amount=1.00"))
        health = await exchange(server.port, get("/health"))
    assert answer.status == 200
    assert len(replica.decided) == 1
    parts = json.loads(health.body)["parts"]
    assert parts[0] == {"name": "web 0", "ok": True, "says": "sends commands to 1 transaction replica"}
    assert Part(**parts[1]).name == "redis"
    assert not task.done()
    await service.close()
    assert task.cancelled()


async def test_the_api_goes_through(replica: Replica, replica_server: HttpServer) -> None:
    """A command of the JSON API is decided by the same replica, in a batch with all others; its answer comes back."""
    replica.answer = lambda _: Reply(200, b"", 0, (500, 2, 1000))
    settings = Settings(transaction_urls=replica_server.url, internal_token=TOKEN, replica="0")
    service = WebService(settings, Trust(settings))
    service.start()
    document = b'{"symbol":"DOG","amount_cents":1200}'
    order = get("/api/v1/accounts/bob/buys", "Content-Type: application/json", method="POST", body=document)
    async with HttpServer(service.app) as server:
        answer = await exchange(server.port, order)
    assert (answer.status, json.loads(answer.body)["total_cents"]) == (201, 1000)
    assert [request.command for request in replica.decided] == [Command("BUY", "bob", "DOG", 1200)]
    await service.close()


async def test_draining_gives_notice(replica_server: HttpServer) -> None:
    """A draining web replica is not ready from the beginning of its notice on."""
    settings = Settings(transaction_urls=replica_server.url, internal_token=TOKEN)
    service = WebService(settings, Trust(settings))
    service.start()
    draining = asyncio.create_task(service.drain(0.05))
    await asyncio.sleep(0)
    assert service.app.waits_for() == "it is draining: connect to another replica"
    await draining
    await service.close()
