"""Reading a collection to its end, whatever happens meanwhile."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from bson import encode
from pymongo.errors import AutoReconnect, CursorNotFound

from daytrader.backup import reading
from daytrader.backup.manifest import BackupError
from daytrader.backup.reading import batches, persist
from daytrader.mongo import Primary


class Failing:
    """A collection of the documents 0 to 9, three a reply, whose cursors break off after so many replies."""

    def __init__(self, *replies: int) -> None:
        self._replies = iter(replies)
        self.asked: list[object] = []

    @contextlib.asynccontextmanager
    async def cursors(self, _: str) -> AsyncIterator[tuple["Failing", None]]:
        """Be the primary, and the collection."""
        yield self, None

    async def find_raw_batches(self, query: dict[str, Any], **_: object) -> AsyncIterator[bytes]:
        """Answer as a server does that breaks off."""
        self.asked.append(query)
        left = list(range(query.get("_id", {}).get("$gt", -1) + 1, 10))
        for _reply in range(next(self._replies, 9)):
            if not left:
                return
            yield b"".join(encode({"_id": number}) for number in left[:3])
            del left[:3]
        raise CursorNotFound("the member that had it has stepped down")


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried again at once."""
    monkeypatch.setattr(reading, "AGAIN_EVERY", 0)


async def numbers(primary: Failing) -> list[int]:
    """Return what is read."""
    found = batches(cast("Primary", primary), "things", {})
    return [document["_id"] async for raw, documents in found for document in documents]


async def test_every_document_is_read_once() -> None:
    """Where nothing breaks off, one query does."""
    primary = Failing()
    assert await numbers(primary) == list(range(10))
    assert primary.asked == [{}]


async def test_reading_goes_on_after_what_was_read() -> None:
    """A cursor that is lost is replaced by one from there on, also where it gave nothing."""
    primary = Failing(1, 0, 2)
    assert await numbers(primary) == list(range(10))
    assert primary.asked == [{}, {"_id": {"$gt": 2}}, {"_id": {"$gt": 2}}, {"_id": {"$gt": 8}}]


async def test_a_set_that_stays_away_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a minute without anything it is over, and says why."""
    seconds = iter(range(0, 1_000, 7))
    monkeypatch.setattr(reading, "boot_seconds", lambda: next(seconds))
    with pytest.raises(BackupError, match=r"reading things failed for 60 s \(CursorNotFound: the member that had it"):
        await numbers(Failing(*[0] * 100))


async def test_a_question_is_put_again_until_it_is_answered() -> None:
    """What a lost primary costs is time."""
    failures = [AutoReconnect("gone"), AutoReconnect("no primary")]

    async def ask() -> int:
        if failures:
            raise failures.pop()
        return 5

    assert await persist("asking", ask) == 5
