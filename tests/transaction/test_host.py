"""The host: lanes, batches, limits, conflicts, answers."""

import asyncio

from daytrader.domain.event import Added
from daytrader.transaction.message import Request
from tests.transaction.stage import PARTITIONS, Stage, user_of


async def test_a_command_is_answered_when_it_is_durable(stage: Stage) -> None:
    """While the append is under way there is no answer, though the command is decided."""
    actor = await stage.started()
    actor.journal.hold()
    answer = actor.send(stage.request("ADD,10.00"))
    await asyncio.sleep(1)
    assert not answer.done()
    actor.journal.let_go()
    assert (await answer).status == 200
    assert stage.events() == [Added(1000)]
