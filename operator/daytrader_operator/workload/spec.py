"""What a Workload asks for: its spec, as the API server has checked it, in our types."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

_duration: Final = re.compile(r"(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?").fullmatch


class SpecError(Exception):
    """The spec is none; the resource's schema should have refused it. The text says what is wrong with it."""


class Made(msgspec.Struct, frozen=True):
    """A file that is made."""

    users: int
    commands: int
    seed: int | None = None
    """None: one that no other workload has."""


class FileIn(msgspec.Struct, frozen=True):
    """A file in a ConfigMap."""

    name: str
    key: str


class Closed(msgspec.Struct, frozen=True):
    """Each connection sends its next command after the answer to the last."""

    connections: int | None = None


class Open(msgspec.Struct, frozen=True):
    """So many commands a second, whatever the answers."""

    rate: float


class Loop(msgspec.Struct, frozen=True):
    """One of the two is given."""

    closed: Closed | None = None
    open: Open | None = None


class Spec(msgspec.Struct, frozen=True, rename="camel"):
    """One of `made`, `config_map` and `url` is given."""

    loop: Loop
    made: Made | None = None
    config_map: FileIn | None = None
    url: str | None = None
    duration: str | None = None
    processes: int = 1
    web_url: str | None = None
    verify: bool = True

    @property
    def seconds(self) -> int | None:
        """How long commands are sent at most; None: until all are sent."""
        if self.duration is None:
            return None
        found = _duration(self.duration)
        hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
        return hours * 3600 + minutes * 60 + seconds


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """A Workload: who it is, and what it asks for."""

    name: str
    uid: str
    generation: int
    spec: Spec

    @property
    def seed(self) -> int:
        """The seed of the file that is made: the one asked for, or one that goes with this very resource."""
        given = self.spec.made.seed if self.spec.made is not None else None
        return given if given is not None else int(self.uid.replace("-", "")[:8], 16)


def workload(body: Mapping[str, object]) -> Workload:
    """Return the Workload that the object from the API server tells of. Raises SpecError."""
    try:
        told = msgspec.convert(body, _Body)
    except msgspec.ValidationError as error:
        raise SpecError(
            f"the workload cannot be understood ({error}): is its CustomResourceDefinition up to date?"
        ) from (error)
    return Workload(name=told.metadata.name, uid=told.metadata.uid, generation=told.metadata.generation, spec=told.spec)


class _Metadata(msgspec.Struct):
    name: str
    uid: str
    generation: int = 1


class _Body(msgspec.Struct):
    metadata: _Metadata
    spec: Spec
