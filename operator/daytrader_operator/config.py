"""Configurations of a replica set: the first one, and the next one after a change of one member or of the settings."""

from collections.abc import Mapping
from typing import Any

from daytrader.local.formation import SETTINGS
from daytrader_operator.facts import Config, Document


def first(name: str, host: str) -> Document:
    """Return the configuration of a new set of one member."""
    return {"_id": name, "version": 1, "members": [{"_id": 0, "host": host}], "settings": dict(SETTINGS)}


def with_member(config: Config, host: str) -> Document:
    """Return the configuration with one member more.

    It votes from the start: mongod itself counts a new member's vote, and lets it stand for election, only when it has
    copied all data and is SECONDARY.
    """
    members: list[dict[str, Any]] = config.document["members"]
    number = max(member["_id"] for member in members) + 1
    return _next(config, {"members": [*members, {"_id": number, "host": host}]})


def without_member(config: Config, host: str) -> Document:
    """Return the configuration without the member at `host`."""
    members: list[dict[str, Any]] = config.document["members"]
    return _next(config, {"members": [member for member in members if member["host"] != host]})


def with_settings(config: Config) -> Document:
    """Return the configuration with the settings that every set has."""
    return _next(config, {"settings": {**config.document["settings"], **SETTINGS}})


def has_settings(config: Config) -> bool:
    """Return whether the configuration has the settings that every set has."""
    settings: Mapping[str, Any] = config.document["settings"]
    return all(settings.get(name) == value for name, value in SETTINGS.items())


def voters(config: Config) -> tuple[str, ...]:
    """Return the `host:port` of the members that vote."""
    return tuple(member["host"] for member in config.document["members"] if member.get("votes", 1))


def _next(config: Config, change: Mapping[str, Any]) -> Document:
    # mongod takes only a newer version than its own: of two changes that know the same configuration one is refused.
    document = {name: value for name, value in config.document.items() if name != "term"}
    return {**document, **change, "version": config.document["version"] + 1}
