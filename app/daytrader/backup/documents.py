"""Files of BSON documents, compressed and with a checksum: written, checked and read with little memory."""

import asyncio
import gzip
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self, cast

from bson import decode_file_iter
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

from daytrader.backup.manifest import BackupError, FileFacts

LEVEL: Final = 3
"""Of gzip: half of what a higher level takes, for a few percent more bytes."""

_READ_BYTES: Final = 1024 * 1024

_RAW: Final = CodecOptions(document_class=RawBSONDocument)


class _Summed:
    """A file that knows the checksum and the size of what was written to it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.sum = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self.sum.update(data)
        self.size += len(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


class DocumentFile:
    """A new file at `path`; entered, written to, left; then `facts` tells what is in it. Raises OSError.

    Compressing and the disk have a thread: whoever writes goes on with other things meanwhile.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._documents = 0

    async def __aenter__(self) -> Self:
        await _in_thread(self._open)
        return self

    def _open(self) -> None:
        self._file = self._path.open("xb")
        self._summed = _Summed(self._file)
        self._gzip = gzip.GzipFile("", "wb", LEVEL, self._summed, mtime=0)

    async def write(self, raw: bytes, documents: int) -> None:
        """Append so many documents, as BSON one after the other."""
        await _in_thread(lambda: self._gzip.write(raw))
        self._documents += documents

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the file; it is on disk then."""
        await _in_thread(self._close)

    def _close(self) -> None:
        with self._file:
            self._gzip.close()
            self._file.flush()
            os.fsync(self._file.fileno())

    def facts(self) -> FileFacts:
        """Return what was written."""
        return FileFacts(self._path.name, self._documents, self._summed.size, self._summed.sum.hexdigest())


async def _in_thread(work: Callable[[], object]) -> None:
    """Do `work` in a thread, and have it done when this is over, also where this is cancelled."""
    working = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait([working])
        raise


def check(directory: Path, facts: FileFacts, progress: Callable[[int], None]) -> None:
    """Look whether a file is what was written; tell `progress` how many more bytes were read.

    Raises BackupError, which names the file.
    """
    path = directory / facts.name
    found = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while data := file.read(_READ_BYTES):
                found.update(data)
                progress(len(data))
    except OSError as error:
        raise BackupError(f"{path} cannot be read ({error}): this backup is not whole, use another") from error
    if found.hexdigest() != facts.sha256:
        raise BackupError(
            f"{path} is damaged: its SHA-256 is {found.hexdigest()}, the manifest says {facts.sha256}; use another "
            "backup, or another copy of this one"
        )


def read(path: Path) -> Iterator[RawBSONDocument]:
    """Yield the documents of a file that was checked. Raises OSError, bson.InvalidBSON."""
    with gzip.open(path) as file:
        yield from decode_file_iter(cast(IO[bytes], file), _RAW)
