"""The Idempotency-Key: the client's own name for a command, under which it takes effect once."""

from typing import Final

from daytrader.web.dispatch import RequestIds
from daytrader.web.parameters import UnreadableError

LONGEST_KEY: Final = 128

BAD_KEY: Final = f"Idempotency-Key must be 1 to {LONGEST_KEY} printable ASCII characters"


def request_id(key: bytes | None, ids: RequestIds) -> str:
    """Return the request id for the key that the client sent, or one of `ids` where it sent none.

    Raises UnreadableError for a key that is none.
    """
    if key is None:
        return ids.new()
    text = key.decode("latin-1")
    if not 0 < len(text) <= LONGEST_KEY or not text.isascii() or not text.isprintable():
        raise UnreadableError(400, BAD_KEY)
    return f"k:{text}"
