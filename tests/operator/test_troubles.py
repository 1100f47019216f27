"""Sets that the operator must not touch, and what it says about them."""

import copy
from typing import Any

import pytest
from bson import ObjectId

from tests.operator.simulation.cluster import host
from tests.operator.simulation.mongods import Disk
from tests.operator.simulation.world import Faults, World


async def formed(members: int = 3) -> World:
    """A set that is as wanted."""
    world = World(seed=7, members=members)
    await world.settle()
    return world


async def look(world: World, passes: int = 30) -> None:
    """Let time pass, with an operator that loses no call."""
    world.faults = Faults()
    for _ in range(passes):
        await world.step()


def disks(world: World) -> list[Any]:
    """All that is on the disks, to be compared with later."""
    return [(at, disk.id, disk.strange, tuple(disk.log[:1])) for at, disk in sorted(world.mongods.disks.items())]


def foreign() -> Disk:
    """The volume of another set of the same name."""
    config = {
        "_id": "data",
        "version": 5,
        "term": 9,
        "members": [{"_id": 0, "host": host(2)}],
        "settings": {"replicaSetId": ObjectId(b"another set ")},
    }
    return Disk(config=config, log=[(9, 9)], term=9)


async def test_a_foreign_member_is_said_and_left_alone() -> None:
    """A member of another set of the same name: Degraded with the recipe, and no reconfiguration, roll or scaling."""
    world = await formed()
    world.cluster.wipe(2)
    world.mongods.disks[host(2)] = foreign()
    world.want(image="mongo:8.1", members=5)
    before, pods = world.mongods.reconfigurations, {n: pod.uid for n, pod in world.cluster.pods.items()}
    await look(world)
    degraded = world.condition("Degraded")
    assert (degraded["status"], degraded["reason"]) == ("True", "ForeignMember")
    assert "data-2 belongs to the set data " in degraded["message"]
    assert "delete its claim" in degraded["message"]
    assert world.mongods.reconfigurations == before
    assert {n: world.cluster.pods[n].uid for n in pods} == pods
    assert world.mongods.disks[host(2)].id == str(ObjectId(b"another set "))
    assert ("ForeignMember", degraded["message"]) in world.cluster.events


async def test_data_of_no_set_are_foreign_too() -> None:
    """A volume with databases that belong to no replica set keeps a new set from being made, on any member."""
    world = World(seed=1)
    world.mongods.disks[host(1)] = Disk(strange="3 collections of no replica set")
    await look(world)
    assert world.condition("Degraded")["reason"] == "ForeignMember"
    assert world.mongods.initiated == []


async def test_a_wiped_member_copies_its_data_again() -> None:
    """A member whose claim and pod were deleted is called wiped while it copies the data, and then all is well."""
    world = await formed()
    world.cluster.wipe(1)
    reasons = set()
    for _ in range(40):
        await world.step()
        reasons.add(world.condition("Degraded")["reason"])
    assert "MemberWiped" in reasons
    assert world.is_as_wanted()
    world.check()


async def test_a_wiped_set_is_not_made_anew() -> None:
    """All members empty, but the status knows a set: DataLost, until the loss of exactly that set is accepted."""
    world = await formed()
    lost = world.status["replicaSetId"]
    for ordinal in range(3):
        world.cluster.wipe(ordinal)
    await look(world)
    degraded = world.condition("Degraded")
    assert degraded["reason"] == "DataLost"
    assert f"accept-data-loss={lost}" in degraded["message"]
    assert len(world.mongods.initiated) == 1
    world.body["metadata"]["annotations"]["daytrader.dev/accept-data-loss"] = "another"
    await look(world)
    assert len(world.mongods.initiated) == 1
    world.body["metadata"]["annotations"]["daytrader.dev/accept-data-loss"] = lost
    await world.settle()
    assert len(world.mongods.initiated) == 2
    assert world.status["replicaSetId"] == world.mongods.initiated[1]


async def test_an_accepted_loss_is_accepted_once() -> None:
    """The annotation that is left names the old set, so the next loss has to be accepted anew."""
    world = await formed()
    world.body["metadata"]["annotations"]["daytrader.dev/accept-data-loss"] = world.status["replicaSetId"]
    for _ in range(2):
        for ordinal in range(3):
            world.cluster.wipe(ordinal)
        await look(world)
    assert len(world.mongods.initiated) == 2
    assert world.condition("Degraded")["reason"] == "DataLost"


async def test_a_lost_majority_is_not_forced() -> None:
    """Two of three members gone for long: no primary, Degraded with the reason, no reconfiguration; then it goes on."""
    world = await formed()
    before = world.mongods.reconfigurations
    for ordinal in (0, 1):
        world.cluster.kill(ordinal)
        world.cluster.pods[ordinal].starts_in = 20
    await look(world, 15)
    assert world.condition("Degraded")["reason"] == "NoMajority"
    assert "never forced" in world.condition("Degraded")["message"]
    assert world.mongods.reconfigurations == before
    await world.settle()
    world.check()


@pytest.mark.parametrize("members", [1, 3, 5])
async def test_installed_again_over_its_volumes(members: int) -> None:
    """Resource, StatefulSet and Secrets gone, volumes left: the same set with the same data and a new user."""
    world = await formed(members)
    before, old_user = world.mongods.initiated[:], world.mongods.running[host(0)].disk.user
    world.reinstall()
    await world.settle()
    world.check()
    assert world.mongods.initiated == before
    assert world.mongods.running[host(0)].disk.user != old_user


async def test_a_wiped_first_member_waits_for_the_others() -> None:
    """Installed again with the first volume empty and the other members late: no set is made of the empty one."""
    world = await formed()
    world.cluster.wipe(0)
    world.reinstall()
    while len(world.cluster.pods) < 3:
        await world.step()
    for ordinal in (1, 2):
        world.cluster.kill(ordinal)
        world.cluster.pods[ordinal].starts_in = 20
    await look(world, 15)
    assert "data-1 does not run" in world.condition("Ready")["message"]
    assert len(world.mongods.initiated) == 1
    await world.settle()
    world.check()


async def test_installed_again_with_fewer_members() -> None:
    """A set of five that comes back as one of one starts all five for their majority, and gives four up in order."""
    world = await formed(5)
    world.reinstall(members=1)
    await world.settle()
    world.check()


async def test_volumes_of_other_names_are_left_alone() -> None:
    """Volumes of a release of another name hold other host names: Degraded with the recipe, nothing is changed."""
    world = await formed()
    for disk in world.mongods.disks.values():
        config = copy.deepcopy(disk.config)
        assert config is not None
        for member in config["members"]:
            member["host"] = member["host"].replace("data", "other")
        disk.config = config
    world.reinstall()
    before = disks(world)
    await look(world)
    assert world.condition("Degraded")["reason"] == "OtherHosts"
    assert "other-0.other" in world.condition("Degraded")["message"]
    assert disks(world) == before


async def test_data_on_a_volume_beyond_the_wanted_members_are_found() -> None:
    """Installed again with three members, the first four of five volumes empty: the fifth one's data are the set's."""
    world = await formed(5)
    for ordinal in range(4):
        world.cluster.wipe(ordinal)
    world.reinstall(members=3)
    await world.settle()
    world.check()
    assert len(world.mongods.initiated) == 1


async def test_a_bad_image_stops_at_the_first_member_and_can_be_corrected() -> None:
    """A template whose pods do not start costs one secondary; the next good template replaces it."""
    world = await formed()
    world.want(image="bad")
    await look(world, 40)
    running = [host(n) for n, pod in world.cluster.pods.items() if pod.runs]
    assert len(running) == 2
    assert world.status["primary"]
    world.want(image="mongo:8.1")
    await world.settle()
    world.check()


async def test_ready_is_said_only_when_all_is_done() -> None:
    """The first status says Ready False for this generation; True comes with primary, user and all members."""
    world = World(seed=5)
    await world.step()
    assert world.condition("Ready")["status"] == "False"
    assert world.status["observedGeneration"] == 1
    await world.settle()
    assert world.status["members"] == "3/3"
    world.want(members=5)
    await world.step()
    assert world.condition("Ready")["status"] == "False"


async def test_a_rolling_restart_steps_down_once_and_last() -> None:
    """With a new restart annotation each pod is evicted once, the former primary last, after it has stepped down."""
    world = await formed()
    primary = world.status["primary"]
    world.cluster.events.clear()
    world.body["metadata"]["annotations"]["daytrader.dev/restart"] = "now"
    await look(world, 60)
    steps = [(reason, message) for reason, message in world.cluster.events if reason in {"Replace", "StepDown"}]
    assert [reason for reason, _ in steps] == ["Replace", "Replace", "StepDown", "Replace"]
    assert primary in steps[2][1]
    assert primary in steps[3][1]
    assert world.is_as_wanted()
