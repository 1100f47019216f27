"""A record: one thing that happened in a partition, as the journal keeps it and the log tells it."""

import msgspec

from daytrader.domain.command import Command
from daytrader.domain.event import Event
from daytrader.domain.quote import Hit, Quote


class Record(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A decided command, a fired trigger (an event alone), a hit that no command waited for, or a bare barrier."""

    time: int
    """The `now` of the decision, ms since the epoch; never goes back within a partition."""
    account: str
    """The user whose account it belongs to; empty for the partition's strangers and for what belongs to nobody."""
    request: str = ""
    """The request id: the client's key behind "k:", or the web service's own behind "w:"."""
    command: Command | None = None
    refusal: str = ""
    event: Event | None = None
    quote: Quote | None = None
    """The quote it was decided with."""
    hit: Hit | None = None
    """The hit on the quote server that it caused."""
