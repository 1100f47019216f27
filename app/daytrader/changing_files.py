"""Files that are taken in again when they change, as Kubernetes changes mounted Secrets under a running process."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import structlog

LOOK_EVERY: Final = 5.0
"""Seconds between two looks at the files."""

_log = structlog.get_logger(__name__)


class ChangingFiles:
    """Some files that belong together, for example a certificate and its key, and whoever takes them in.

    Contents are compared, not times or inodes: Kubernetes swaps the directory that a mounted file's link leads
    through, and then neither the path nor the link's own time changes.
    """

    def __init__(self, paths: Sequence[str], take: Callable[[], None]) -> None:
        """Call `take`, which reads the files and raises OSError or ValueError where they cannot be used, now.

        Raises what `take` raises: at the start there is nothing to go on with.
        """
        self._paths = [Path(path) for path in paths]
        self._take = take
        self._refused: list[bytes] | str | None = None
        self._taken = self._contents()
        take()

    def look(self) -> None:
        """Take the files in again where they have changed; what cannot be used is logged, and what was stays."""
        try:
            found = self._contents()
        except OSError as error:
            self._refuse(str(error), error)
            return
        if found == self._taken:
            return
        try:
            self._take()
        except (OSError, ValueError) as error:  # half written, or the key of another certificate: it is tried again
            self._refuse(found, error)
            return
        self._taken = found
        self._refused = None
        _log.info("changed files are in use", files=self._names())

    def _contents(self) -> list[bytes]:
        return [path.read_bytes() for path in self._paths]

    def _refuse(self, found: list[bytes] | str, error: Exception) -> None:
        if found != self._refused:
            self._refused = found
            _log.error("changed files cannot be used; the old ones stay in use", files=self._names(), error=str(error))

    def _names(self) -> list[str]:
        return [str(path) for path in self._paths]


async def follow(files: Iterable[ChangingFiles]) -> None:
    """Look at the files every few seconds until cancelled."""
    watched = list(files)
    while True:
        await asyncio.sleep(LOOK_EVERY)
        for one in watched:
            one.look()
