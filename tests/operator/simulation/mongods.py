"""Simulated members: disks that outlive their processes, configurations that spread, elections, majorities, rollback.

Simplified where the operator cannot tell: time is a count of ticks, and all that is in reach is heard of at once.
"""

import copy
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bson import ObjectId
from pymongo.errors import OperationFailure

from daytrader_operator.facts import Config, Document

Entry = tuple[int, int]
"""The term in which it was written, and its number, which nothing else has."""


@dataclass
class Disk:
    """What a member's volume holds."""

    config: Document | None = None
    newly_added: frozenset[str] = frozenset()
    """Members of the configuration that do not vote yet (`newlyAdded`, which mongod shows nobody)."""
    term: int = 0
    log: list[Entry] = field(default_factory=list)
    user: Document | None = None
    synced: bool = True
    strange: str = ""

    @property
    def id(self) -> str | None:
        """The id of the set that it belongs to."""
        return str(self.config["settings"]["replicaSetId"]) if self.config else None

    @property
    def age(self) -> tuple[int, int]:
        """How new its configuration is."""
        return Config(self.config).age if self.config else (-1, -1)

    @property
    def hosts(self) -> list[str]:
        """The members of its configuration."""
        return [member["host"] for member in self.config["members"]] if self.config else []

    @property
    def voters(self) -> list[str]:
        """Those that vote."""
        return [host for host in self.hosts if host not in self.newly_added]

    @property
    def place(self) -> Entry:
        """Its newest entry."""
        return self.log[-1] if self.log else (0, 0)


@dataclass
class Process:
    """A running mongod."""

    disk: Disk
    key: str
    state: str = "STARTUP"
    copies_for: int = 0
    cut_for: int = 0
    """Ticks for which it neither hears nor is heard by other members."""


class Mongods:
    """All members of one set's StatefulSet, by host."""

    def __init__(self, random_: random.Random) -> None:
        self.running: dict[str, Process] = {}
        self.disks: dict[str, Disk] = {}
        self.acknowledged: list[tuple[str, Entry]] = []
        """Which set acknowledged what."""
        self.initiated: list[str] = []
        self.violations: list[str] = []
        self.reconfigurations = 0
        self._random = random_
        self._number = 0

    # What members do by themselves

    def tick(self) -> None:
        """Let some time pass."""
        for process in self.running.values():
            process.cut_for = max(0, process.cut_for - 1)
        self._hear()
        for host, process in self.running.items():
            self._settle(host, process)
        for host, process in list(self.running.items()):
            if process.state == "PRIMARY" and not self._sees_majority(host, process.disk.voters):
                process.state = "SECONDARY"
        self._elect()
        for host, process in list(self.running.items()):
            if process.state == "PRIMARY" and self._sees_majority(host, process.disk.voters):
                self._lead(host, process)
        primaries = [host for host, found in self.running.items() if found.state == "PRIMARY"]
        leading = [host for host in primaries if self._sees_majority(host, self.running[host].disk.voters)]
        if len(leading) > 1:
            self.violations.append(f"{leading} are primaries at the same time")

    def _hear(self) -> None:
        for host, process in self.running.items():
            for other, peer in self.running.items():
                if host == other or not self._in_reach(host, other) or process.disk.config is None:
                    continue
                known = other in process.disk.hosts or host in peer.disk.hosts
                ours = peer.disk.id in {None, process.disk.id} and not peer.disk.strange
                if known and ours and process.disk.age > peer.disk.age:
                    if peer.disk.config is None:
                        if other not in process.disk.hosts:
                            continue
                        peer.disk.synced, peer.copies_for = False, self._random.randint(2, 5)
                    peer.disk.config = copy.deepcopy(process.disk.config)
                    peer.disk.newly_added = process.disk.newly_added

    def _settle(self, host: str, process: Process) -> None:
        disk = process.disk
        if disk.config is None:
            process.state = "STARTUP"
        elif host not in disk.hosts:
            process.state = "REMOVED"
        elif not disk.synced:
            process.state = "STARTUP2"
            source = next((peer for _, peer in self._peers(host) if peer.state in {"PRIMARY", "SECONDARY"}), None)
            if source is not None:
                process.copies_for -= 1
                if process.copies_for <= 0:
                    disk.log, disk.user, disk.synced = [*source.disk.log], source.disk.user, True
                    process.state = "SECONDARY"
        elif process.state != "PRIMARY":
            process.state = "SECONDARY"

    def _elect(self) -> None:
        for host, process in sorted(self.running.items(), key=lambda item: item[1].disk.place, reverse=True):
            if process.state != "SECONDARY" or host not in process.disk.voters:
                continue
            peers = dict(self._peers(host))
            if any(peer.state == "PRIMARY" and peer.disk.age >= process.disk.age for peer in peers.values()):
                continue
            if self._random.random() < 0.3:
                continue  # its time-out has not come yet
            self.stand(host)

    def stand(self, host: str) -> bool:
        """Let a member stand for election."""
        process = self.running[host]
        disk = process.disk
        ballot = {host: process, **dict(self._peers(host))}
        votes = [
            voter
            for voter in disk.voters
            if voter in ballot and ballot[voter].disk.place <= disk.place and ballot[voter].disk.age <= disk.age
        ]
        if 2 * len(votes) <= len(disk.voters):
            return False
        term = 1 + max(found.disk.term for found in ballot.values())
        for peer in ballot.values():
            peer.disk.term = term
            if peer.state == "PRIMARY":
                peer.state = "SECONDARY"
        process.state = "PRIMARY"
        if disk.config is None:
            raise AssertionError("a member without a configuration was elected")
        disk.config["term"] = term
        return True

    def _lead(self, host: str, process: Process) -> None:
        disk = process.disk
        self._number += 1
        disk.log.append((disk.term, self._number))
        have = {host}
        for other, peer in self._peers(host):
            if peer.state == "SECONDARY" and other in disk.hosts:
                peer.disk.log, peer.disk.user = [*disk.log], disk.user
                peer.disk.term = disk.term
                have.add(other)
                if other in disk.newly_added and disk.config is not None:
                    disk.newly_added -= {other}
                    disk.config["version"] += 1
        if 2 * len(have.intersection(disk.voters)) > len(disk.voters) and disk.id is not None:
            self.acknowledged.append((disk.id, disk.place))

    def _in_reach(self, host: str, other: str) -> bool:
        a, b = self.running.get(host), self.running.get(other)
        return a is not None and b is not None and a.key == b.key and not a.cut_for and not b.cut_for

    def _peers(self, host: str) -> Iterable[tuple[str, Process]]:
        own = self.running[host].disk
        for other, peer in self.running.items():
            if other != host and self._in_reach(host, other) and peer.disk.id == own.id:
                yield other, peer

    def _sees_majority(self, host: str, voters: list[str]) -> bool:
        seen = {host, *(other for other, _ in self._peers(host))}
        return 2 * len(seen.intersection(voters)) > len(voters)

    # What they are told

    def initiate(self, host: str, config: Document) -> None:
        """`replSetInitiate`."""
        process = self.running[host]
        if process.disk.config is not None:
            raise OperationFailure("already initialized", 23)
        if process.disk.log or process.disk.strange:
            self.violations.append(f"{host}, which has data, was initiated")
        document = copy.deepcopy(config)
        document["settings"]["replicaSetId"] = ObjectId(self._random.randbytes(12))
        document["term"] = 1
        process.disk.config, process.disk.term = document, 1
        process.state = "PRIMARY"
        process.disk.log = [(1, 0)]
        self.initiated.append(str(document["settings"]["replicaSetId"]))

    def reconfigure(self, host: str, config: Document) -> None:
        """`replSetReconfig`."""
        process = self._primary(host)
        disk, wanted = process.disk, Disk(copy.deepcopy(config))
        if disk.config is None or config["version"] <= disk.config["version"]:
            raise OperationFailure("version is not newer", 103)
        held = [other for other, peer in self._peers(host) if peer.disk.age == disk.age]
        if 2 * len({host, *held}.intersection(disk.voters)) <= len(disk.voters):
            raise OperationFailure("the current configuration is not committed yet", 308)
        answer = {
            other
            for other, peer in self.running.items()
            if other == host or (self._in_reach(host, other) and peer.disk.id in {None, disk.id})
        }
        if 2 * len(answer.intersection(wanted.hosts)) <= len(wanted.hosts) or host not in wanted.hosts:
            raise OperationFailure("no quorum for the new configuration", 74)
        changed = {*disk.hosts} ^ {*wanted.hosts}
        if len(changed) > 1:
            self.violations.append(f"one reconfiguration changed {sorted(changed)}")
        if disk.newly_added and len(wanted.hosts) > len(disk.hosts):
            self.violations.append("a member was added while another was not in sync")
        if wanted.id != disk.id:
            self.violations.append("a reconfiguration changed the id of the set")
        added = frozenset(wanted.hosts) - frozenset(disk.hosts)
        disk.newly_added = (disk.newly_added & frozenset(wanted.hosts)) | added
        disk.config = {**copy.deepcopy(config), "term": disk.term}
        self.reconfigurations += 1

    def step_down(self, host: str) -> None:
        """`replSetStepDown`."""
        process = self._primary(host)
        able = [
            other
            for other, peer in self._peers(host)
            if peer.state == "SECONDARY" and other in process.disk.voters and peer.disk.place == process.disk.place
        ]
        if not able:
            raise OperationFailure("no electable secondaries caught up", 262)
        process.state = "SECONDARY"
        self.stand(self._random.choice(able))

    def make_user(self, host: str, user: Document) -> None:
        """`createUser` or `updateUser`."""
        process = self._primary(host)
        if not self._sees_majority(host, process.disk.voters):
            raise OperationFailure("no majority", 64)
        process.disk.user = {name: value for name, value in user.items() if name != "pwd"}

    def loses(self, host: str) -> None:
        """The operator evicts a member: where a majority was there, the others must be one, or there is no other."""
        primary = next((found for found in self.running.values() if found.state == "PRIMARY"), None)
        if primary is None or len(primary.disk.hosts) == 1:
            return
        in_service = {other for other, found in self.running.items() if found.state in {"PRIMARY", "SECONDARY"}}
        voters = {*primary.disk.voters}
        if 2 * len(voters & in_service) > len(voters) >= 2 * len((voters & in_service) - {host}):
            self.violations.append(f"evicting {host} took the majority away")

    def _primary(self, host: str) -> Process:
        process = self.running[host]
        if process.state != "PRIMARY":
            raise OperationFailure("not primary", 10107)
        return process

    def peers_of(self, host: str) -> dict[str, str]:
        """The states that a member knows, its own among them."""
        known: dict[str, Any] = {other: peer.state for other, peer in self._peers(host)}
        return {host: self.running[host].state, **known}
