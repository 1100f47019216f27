"""How the members of a replica set stand, in words for `/health` and `daytrader status`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import pymongo
from pymongo import ReadPreference
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from daytrader.health import Part
from daytrader.mongo import Document

ASK_S: Final = 2.0
"""Seconds that the members have to say how they stand."""

BEHIND_S: Final = 30
"""A secondary that is more seconds behind is unwell. In an idle set one may seem to be more than 10 s behind: a primary
writes a note of its own every 10 s, and hears only every 2 s how far the others are."""

_PRIMARY: Final = "PRIMARY"
_SECONDARY: Final = "SECONDARY"


async def set_health(database: AsyncDatabase[Document], name: str) -> list[Part]:
    """Return one part for each member of the set called `name` (for example "data set"); never raises.

    Any member that answers is asked, for there may be no primary. Where none answers, all are said to be silent.
    """
    client = database.client
    try:
        with pymongo.timeout(ASK_S):
            # The role clusterMonitor is what it takes.
            status = await client.admin.command("replSetGetStatus", read_preference=ReadPreference.PRIMARY_PREFERRED)
    except PyMongoError as error:
        known = sorted(client.topology_description.server_descriptions())
        says = f"does not answer within {ASK_S:g} s: {_shortened(error)}; nothing can be read or written"
        return [Part(f"{name} member {host}:{port}", False, says) for host, port in known]
    return parts_of(status["members"], name)


def parts_of(members: Sequence[Mapping[str, Any]], name: str) -> list[Part]:
    """Return what the `members` of a replSetGetStatus answer say about the set called `name`."""
    primary = next((member for member in members if member["stateStr"] == _PRIMARY), None)
    healthy = sum(member["stateStr"] in {_PRIMARY, _SECONDARY} for member in members)
    spare = healthy - (len(members) // 2 + 1)
    return [_part(member, primary, spare, name) for member in members]


def _part(member: Mapping[str, Any], primary: Mapping[str, Any] | None, spare: int, name: str) -> Part:
    state = member["stateStr"]
    part = f"{name} member {member['name']}"
    if state == _PRIMARY:
        if spare < 0:
            return Part(part, False, "primary, but no majority is there: nothing new is acknowledged")
        return Part(part, True, "primary: takes every write")
    if state == _SECONDARY:
        if primary is None:
            return Part(part, False, "secondary, but there is no primary: nothing is written until one is elected")
        behind = _seconds_behind(member, primary)
        if behind > BEHIND_S:
            return Part(part, False, f"secondary, {behind} s behind the primary; {_margin(spare - 1)}")
        return Part(part, True, "secondary: in step")
    if not member.get("health"):
        return Part(part, False, f"cannot be reached by the others; {_margin(spare)}")
    return Part(part, False, f"in state {state}, not in service; {_margin(spare)}")


def _margin(spare: int) -> str:
    if spare < 0:
        return "no majority is left, so nothing is written"
    if spare == 0:
        return "writes go on, but no further member may fail"
    return f"writes go on, and {spare} more may fail"


def _seconds_behind(member: Mapping[str, Any], primary: Mapping[str, Any]) -> int:
    own: datetime = member["optimeDate"]
    newest: datetime = primary["optimeDate"]
    return max(0, round((newest - own).total_seconds()))


def _shortened(error: PyMongoError) -> str:
    text = str(error)
    return text if len(text) <= 200 else text[:199] + "…"
