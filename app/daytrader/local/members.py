"""How the members of a replica set stand, as the set itself sees it."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pymongo
from pymongo import AsyncMongoClient, ReadPreference
from pymongo.errors import PyMongoError

_UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class MemberState:
    """A member: its `host:port`, MongoDB's word for its state (PRIMARY, SECONDARY, STARTUP2, RECOVERING, …) or
    `unreachable`, and by how many ms its newest entry is older than the primary's, None where that is not known."""

    address: str
    state: str
    lag_ms: int | None


async def member_states(client: AsyncMongoClient[dict[str, Any]], within_s: float = 3.0) -> tuple[MemberState, ...]:
    """The state of every member of the client's replica set (needs the role clusterMonitor).

    The primary is asked, for it alone knows the others' places at every moment (they know each other's by heartbeats
    only); another one when it is silent. When none answers in time (seconds), all are `unreachable`.
    """
    for preference in (ReadPreference.PRIMARY_PREFERRED, ReadPreference.SECONDARY_PREFERRED):
        with suppress(PyMongoError), pymongo.timeout(within_s / 2):
            status = await client.admin.command("replSetGetStatus", read_preference=preference)
            return states_of(status["members"])
    known = sorted(client.topology_description.server_descriptions())
    return tuple(MemberState(f"{host}:{port}", _UNREACHABLE, None) for host, port in known)


def states_of(members: list[dict[str, Any]]) -> tuple[MemberState, ...]:
    """What the `members` of a replSetGetStatus answer say."""
    newest = next((_applied(member) for member in members if member["stateStr"] == "PRIMARY"), None)
    return tuple(_state(member, newest) for member in members)


def _state(member: dict[str, Any], newest: datetime | None) -> MemberState:
    if not member["health"]:
        return MemberState(member["name"], _UNREACHABLE, None)
    applied = _applied(member)
    lag = None if newest is None or applied is None else max(0, int((newest - applied).total_seconds() * 1000))
    return MemberState(member["name"], member["stateStr"], lag)


def _applied(member: dict[str, Any]) -> datetime | None:
    """When the newest entry that the member has applied was written; a member that has nothing yet says 1970."""
    applied: datetime | None = member.get("lastAppliedWallTime")
    return applied if applied is not None and applied.year > 1970 else None
