"""The rule of what each role may."""

import pytest

from daytrader.auth.role import Caller, may, may_as
from daytrader.domain.command import COMMAND_NAMES, CommandName, parse

ALICE = Caller("alice", "trader")
BROKER = Caller("load", "broker")
ADMIN = Caller("admin", "admin")


@pytest.mark.parametrize("name", COMMAND_NAMES.values())
def test_a_trader_acts_as_itself_alone(name: CommandName) -> None:
    """Of each command a trader may send the one of its own userid, and no other, be it spelled ever so alike."""
    assert may(ALICE, parse(name, "alice", "DOG", "1.00"))
    for other in ("bob", "Alice", "alice1", "alic", "", "alice ", "!!"):
        assert not may(ALICE, parse(name, other, "DOG", "1.00"))


@pytest.mark.parametrize("name", COMMAND_NAMES.values())
@pytest.mark.parametrize("caller", [BROKER, ADMIN])
def test_brokers_and_admins_act_as_anybody(name: CommandName, caller: Caller) -> None:
    """Each command of each userid is theirs to send."""
    for user in ("alice", "bob", caller.name):
        assert may(caller, parse(name, user, "DOG", "1.00"))


def test_the_whole_log_is_for_admins() -> None:
    """DUMPLOG without a userid is the whole log, whoever's name is empty."""
    whole = parse("DUMPLOG", filename="x")
    assert may(ADMIN, whole)
    for caller in (ALICE, BROKER, Caller("", "trader"), Caller("", "broker")):
        assert not may(caller, whole)


def test_a_dump_of_an_invalid_user_is_taken_for_the_whole_log() -> None:
    """What names no user is never less than everybody, so that no fault of a field opens the log."""
    assert not may(BROKER, parse("DUMPLOG", "!!", filename="x"))


def test_a_command_of_an_invalid_user_is_for_those_who_may_act_as_others() -> None:
    """It is logged and refused where it is decided; a trader's would be nobody's."""
    assert may(BROKER, parse("ADD", "!!", amount="1.00"))
    assert not may(ALICE, parse("ADD", "!!", amount="1.00"))


def test_the_rule_without_a_command() -> None:
    """Whoever streams or lists asks the same rule."""
    assert may_as(ALICE, "alice")
    assert not may_as(ALICE, "bob")
    assert may_as(ADMIN, "", everybody=True)
    assert not may_as(ALICE, "alice", everybody=True)
