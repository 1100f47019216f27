"""The streams of the API, in a whole installation."""

from tests.web.api.streaming import asking, streaming


async def test_a_stream_begins_with_a_snapshot_and_goes_on_with_what_happens(installation: int) -> None:
    async with asking(installation) as ask:
        await ask.deposit("alice", 1_000)
        async with streaming(installation, "/accounts/alice/stream") as stream:
            first = await stream.next()
            assert first.name == "snapshot"
            assert first.data["account"]["cash_cents"] == 1_000
            assert first.data["happened"] == []
            await ask.deposit("alice", 234)
            second = await stream.next()
            assert second.name == "update"
            assert second.data["account"]["cash_cents"] == 1_234
            assert [one["what"] for one in second.data["happened"]] == ["ADD"]
            assert second.data["happened"][0]["cash_change_cents"] == 234
