"""What SQLite's errors mean to the journal and the account store."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from daytrader.journal.port import JournalUnavailableError


@contextmanager
def unavailable() -> Iterator[None]:
    """Turn what may pass (a locked file, a full disk, tables not yet made) into JournalUnavailableError.

    A file that is damaged or no SQLite file at all is not going to get better by itself, and stays sqlite3's error.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        raise JournalUnavailableError(
            f"the SQLite file did not do what it was asked ({error}): see that its directory exists, that its disk has "
            "room and that nobody holds it locked; it is asked again"
        ) from error
