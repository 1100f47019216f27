"""The streams of the API, in a whole installation."""

import json
import string

import pytest
from jsonschema import Draft202012Validator, ValidationError

from daytrader.web.api import streams
from daytrader.web.api.openapi import document
from tests.web.api.asking import ask, problem
from tests.web.api.streaming import asking, streaming
from tests.web.client import exchange
from tests.web.guarded import Guarded


async def test_a_stream_begins_with_a_snapshot_and_goes_on_with_what_happens(installation: int) -> None:
    async with asking(installation) as client:
        await client.deposit("alice", 1_000)
        async with streaming(installation, "/accounts/alice/stream") as stream:
            first = await stream.next()
            assert first.name == "snapshot"
            assert first.data["account"]["cash_cents"] == 1_000
            assert first.data["happened"] == []
            await client.deposit("alice", 234)
            second = await stream.next()
            assert second.name == "update"
            assert second.data["account"]["cash_cents"] == 1_234
            assert [one["what"] for one in second.data["happened"]] == ["ADD"]
            assert second.data["happened"][0]["cash_change_cents"] == 234


async def test_a_user_that_comes_to_be(installation: int) -> None:
    """A user that does not exist is told as none; the same stream tells its account when there is one."""
    async with asking(installation) as client, streaming(installation, "/accounts/new/stream") as stream:
        first = await stream.next()
        assert (first.name, first.data["account"]) == ("snapshot", None)
        await client.quote("new", "DOG")
        await client.deposit("new", 500)
        happened = []
        while (event := await stream.next()).data["account"] is None:
            happened += event.data["happened"]
        happened += event.data["happened"]
        assert [(one["what"], one["accepted"]) for one in happened] == [("QUOTE", False), ("ADD", True)]
        assert event.data["account"]["cash_cents"] == 500


async def test_a_stream_is_resumed_after_its_last_event(installation: int) -> None:
    """What happened since comes first, by the header or by the query; an id of another user's gives a snapshot."""
    async with asking(installation) as client:
        await client.deposit("alice", 100)
        async with streaming(installation, "/accounts/alice/stream") as stream:
            last = (await stream.next()).id
        for cents in (1, 2, 3):
            await client.deposit("alice", cents)
        async with streaming(installation, "/accounts/alice/stream", Last_Event_ID=last) as stream:
            event = await stream.next()
        assert event.name == "update"
        assert [one["amount_cents"] for one in event.data["happened"]] == [1, 2, 3]
        assert event.data["account"]["cash_cents"] == 106
        async with streaming(installation, f"/accounts/alice/stream?last_event_id={event.id}") as stream:
            await client.deposit("alice", 4)
            event = await stream.next()
        assert [one["amount_cents"] for one in event.data["happened"]] == [4]
        async with streaming(installation, "/accounts/alice/stream?last_event_id=999-1") as stream:
            assert (await stream.next()).name == "snapshot"


async def test_a_second_stream_goes_on_from_an_older_event(installation: int) -> None:
    """Two streams of one user share what is known, and each goes on where it was itself."""
    async with asking(installation) as client:
        await client.deposit("alice", 100)
        async with streaming(installation, "/accounts/alice/stream") as one:
            last = (await one.next()).id
            await client.deposit("alice", 1)
            assert (await one.next()).data["account"]["cash_cents"] == 101
            async with streaming(installation, "/accounts/alice/stream", Last_Event_ID=last) as two:
                event = await two.next()
                assert [item["amount_cents"] for item in event.data["happened"]] == [1]
                await client.deposit("alice", 2)
                for stream in (one, two):
                    assert [item["amount_cents"] for item in (await stream.next()).data["happened"]] == [2]


async def test_an_event_is_as_the_document_says(installation: int) -> None:
    """Events of both streams hold against the schemas of the OpenAPI document."""
    described = json.loads(document())

    def check(name: str, data: object) -> None:
        schema = {"components": described["components"], "$ref": f"#/components/schemas/{name}"}
        Draft202012Validator(schema).validate(data)

    async with asking(installation) as client:
        await client.deposit("alice", 100_000)
        async with streaming(installation, "/accounts/alice/stream") as stream:
            events = [await stream.next()]
            await client.quote("alice", "DOG")
            events.append(await stream.next())
        async with streaming(installation, "/quotes/stream?symbols=DOG") as stream:
            quote = await stream.next()
    for name, event in (("AccountEvent", events[0]), ("AccountEvent", events[1]), ("QuoteEvent", quote)):
        check(name, event.data)
    with pytest.raises(ValidationError):
        check("QuoteEvent", {"symbol": 1})


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/accounts/!!/stream", "invalid-userid"),
        ("/accounts/bob/stream?last_event_id=x", "malformed-request"),
        ("/accounts/bob/stream?last_event_id=1-2-3", "malformed-request"),
        ("/quotes/stream", "malformed-request"),
        ("/quotes/stream?symbols=DOG,dog", "invalid-stock-symbol"),
        (
            "/quotes/stream?symbols=" + ",".join(f"{a}{b}" for a in "ABCD" for b in string.ascii_uppercase),
            "malformed-request",
        ),
    ],
)
async def test_what_cannot_be_streamed(port: int, path: str, code: str) -> None:
    """Bad input is answered by a problem, at once."""
    assert problem(await ask(port, "GET", path), 400)["code"] == code


async def test_without_a_transaction_replica_there_is_no_stream(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody tells of the account, a stream is answered 503 instead of silence."""
    monkeypatch.setattr(streams, "JOIN_WITHIN", 0.05)
    assert problem(await ask(port, "GET", "/accounts/bob/stream"), 503)["code"] == "unavailable"


async def test_who_may_read_a_stream(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trader reads its own account and all quotes, a broker every account, nobody without a token."""
    monkeypatch.setattr(streams, "JOIN_WITHIN", 0.01)
    path = "/api/v1/accounts/bob/stream"
    for who, status in (("", 401), ("alice", 403), ("broker", 503), ("admin", 503)):
        answer = await exchange(guarded.port, guarded.ask(who, path, method="GET"))
        assert answer.status == status, who
    own = await exchange(guarded.port, guarded.ask("alice", "/api/v1/accounts/alice/stream", method="GET"))
    assert own.status == 503
    quotes = await exchange(guarded.port, guarded.ask("", "/api/v1/quotes/stream?symbols=DOG", method="GET"))
    assert quotes.status == 401
