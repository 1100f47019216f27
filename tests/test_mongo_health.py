"""How members of a replica set are described."""

from datetime import datetime, timedelta

import pytest

from daytrader.health import Part
from daytrader.mongo import Document, connect
from daytrader.mongo_health import parts_of, set_health

NOW = datetime(2030, 1, 2, 3, 4, 5)  # noqa: DTZ001  as the driver gives times


def member(number: int, state: str, *, behind_s: int = 0) -> Document:
    """A member as replSetGetStatus has it."""
    return {
        "name": f"host{number}:27017",
        "stateStr": state,
        "health": 0.0 if state.startswith("(") else 1.0,
        "optimeDate": NOW - timedelta(seconds=behind_s),
    }


def says(*members: Document) -> list[tuple[bool, str]]:
    return [(part.ok, part.says) for part in parts_of(members, "data set")]


async def test_members_of_a_real_set_are_well(mongo_set: str) -> None:
    """Of three members that run, one is the primary and two are in step, each under its address."""
    database = connect(mongo_set)
    parts = await set_health(database, "data set")
    await database.client.close()
    assert [part.ok for part in parts] == [True] * 3
    assert sorted(part.says for part in parts) == ["primary: takes every write"] + ["secondary: in step"] * 2
    assert all(part.name.startswith("data set member 127.0.0.1:") for part in parts)


def test_parts_are_named_after_set_and_address() -> None:
    """A part's name says which member of which set it is."""
    assert parts_of([member(1, "PRIMARY")], "audit set") == [
        Part("audit set member host1:27017", True, "primary: takes every write")
    ]


@pytest.mark.parametrize("state", ["(not reachable/healthy)", "RECOVERING"])
def test_one_lost_member_of_three_leaves_no_reserve(state: str) -> None:
    """With a member out of service writes go on, and the words say that no further one may fail."""
    primary, secondary, lost = says(member(1, "PRIMARY"), member(2, "SECONDARY"), member(3, state))
    assert (primary[0], secondary[0], lost[0]) == (True, True, False)
    assert "writes go on, but no further member may fail" in lost[1]


def test_one_lost_member_of_five_leaves_a_reserve() -> None:
    """The words say how many more may fail."""
    lost = says(*(member(number, "SECONDARY") for number in range(3)), member(3, "PRIMARY"), member(4, "(gone)"))[-1]
    assert lost == (False, "cannot be reached by the others; writes go on, and 1 more may fail")


def test_two_lost_members_of_three_leave_no_majority() -> None:
    """A primary without a majority is not well, and says what that means for users."""
    primary, *lost = says(member(1, "PRIMARY"), member(2, "(gone)"), member(3, "(gone)"))
    assert primary == (False, "primary, but no majority is there: nothing new is acknowledged")
    assert lost == [(False, "cannot be reached by the others; no majority is left, so nothing is written")] * 2


def test_set_without_a_primary_is_not_well() -> None:
    """Secondaries alone take no writes."""
    assert says(member(1, "SECONDARY"), member(2, "SECONDARY"), member(3, "(gone)"))[0] == (
        False,
        "secondary, but there is no primary: nothing is written until one is elected",
    )


@pytest.mark.parametrize(("behind_s", "ok"), [(0, True), (30, True), (31, False)])
def test_secondary_far_behind_is_not_well(behind_s: int, ok: bool) -> None:
    """A secondary more than 30 s behind the primary is named as such."""
    told = says(member(1, "PRIMARY"), member(2, "SECONDARY", behind_s=behind_s), member(3, "SECONDARY"))[1]
    assert told[0] is ok
    assert ok or told[1].startswith("secondary, 31 s behind the primary")
