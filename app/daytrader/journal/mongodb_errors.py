"""What MongoDB's errors mean to the journal and the account store."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pymongo.errors import OperationFailure, PyMongoError

from daytrader.journal.port import JournalUnavailableError

DUPLICATE: Final = frozenset({11000})
"""Somebody else's document has the unique key."""

NO_COLLECTION: Final = 26
_COLLECTION_EXISTS: Final = 48


@contextmanager
def unavailable() -> Iterator[None]:
    """Turn whatever the driver raises into JournalUnavailableError."""
    try:
        yield
    except PyMongoError as error:
        raise JournalUnavailableError(
            f"the data set did not do what it was asked ({type(error).__name__}: {str(error)[:300]}): "
            "see its members in `daytrader status`; it is asked again"
        ) from error


@contextmanager
def there_already() -> Iterator[None]:
    """Let it pass that a collection to create is there already, or one to drop is not."""
    try:
        yield
    except OperationFailure as error:
        if error.code not in {NO_COLLECTION, _COLLECTION_EXISTS}:
            raise
