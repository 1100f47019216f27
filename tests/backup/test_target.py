"""The installation into which a backup is restored, while answers are lost."""

from collections.abc import AsyncIterator, Callable

import pytest
from pymongo.errors import AutoReconnect

from daytrader.backup import reading
from daytrader.backup.manifest import BackupError
from daytrader.backup.target import Target
from daytrader.journal.mongodb import INSTALLATION, MongoJournal
from daytrader.journal.port import JournalUnavailableError
from daytrader.mongo import Document, Primary, connect
from daytrader.settings import Settings
from tests.backup.installation import PARTITIONS

NewTarget = Callable[[str], Target]


class Losing(Primary):
    """Does what it is told; the first answer to each command is lost."""

    def __init__(self, uri: str, purpose: str) -> None:
        super().__init__(connect(uri, purpose=purpose))
        self.lost: set[tuple[str, str]] = set()

    async def command(self, command: Document) -> Document:
        """Lose the answer, or return it."""
        reply = await super().command(command)
        what = next(iter(command.items()))
        if what not in self.lost:
            self.lost.add(what)
            raise AutoReconnect("lost by the test")
        return reply


@pytest.fixture
async def new_target(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[NewTarget]:
    """Makes what a restore of its own sees of the same installation."""
    monkeypatch.setattr(reading, "AGAIN_EVERY", 0.0)
    made: list[Target] = []

    def make(purpose: str) -> Target:
        made.append(Target(Losing(settings.data_uri, purpose), Losing(settings.audit_uri, purpose), purpose))
        return made[-1]

    yield make
    for each in made:
        await each.data.database.client.close()
        await each.audit.database.client.close()


async def test_lost_answers_cost_time_alone(new_target: NewTarget, settings: Settings) -> None:
    """Each step is done once more, from the first look to the moment in which services are let in."""
    target = new_target("restore-1")
    await target.close("a backup")
    journal = MongoJournal(settings.data_uri)
    with pytest.raises(JournalUnavailableError, match="a backup is being restored"):
        await journal.open(PARTITIONS)
    await target.empty()
    await target.open(PARTITIONS)
    await journal.open(PARTITIONS)
    await journal.close()
    assert isinstance(target.data, Losing)
    assert {name for name, _ in target.data.lost} == {
        *("find", "insert", "drop", "create", "createIndexes", "update", "delete")
    }


async def test_a_sign_of_another_restore_is_no_lost_answer(
    new_target: NewTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two that begin at the same moment the second gives up, and leaves the sign of the first."""
    first, second = new_target("restore-1"), new_target("restore-2")
    empty = second._must_be_empty

    async def overtaken() -> None:
        await empty()
        await first.close("a backup")

    monkeypatch.setattr(second, "_must_be_empty", overtaken)
    monkeypatch.setattr(first, "_must_be_left", empty)
    with pytest.raises(BackupError, match="another restore into this installation has just begun"):
        await second.close("a backup")
    assert [sign["by"] for sign in await first.data.find_confirmed({"find": INSTALLATION})] == ["restore-1"]
