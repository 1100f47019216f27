"""How a workload is run."""

from pathlib import Path
from typing import Final

import msgspec

from daytrader.bearer import NO_BEARER, Bearer

MOST_CONNECTIONS: Final = 1_024
"""Without a number given, there is a connection for each user, up to this many."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """All that can be chosen about a run."""

    rate: float | None = None
    """Open loop with so many commands a second over all processes; None: closed loop."""
    connections: int | None = None
    """Over all processes. None: one for each user, at most `MOST_CONNECTIONS`."""
    processes: int = 1
    """The users are spread over so many processes; 1 is the calling process itself."""
    retry: bool = True
    """Send again what got no answer, with the Idempotency-Key of the first sending. False sends no keys either."""
    answer_within_s: float = 1.0
    """With retries: without an answer for so long, a command is sent again on a new connection."""
    give_up_after_s: float = 30.0
    """A command that is not acknowledged so long after its first sending has failed."""
    silence_limit_s: float = 120.0
    """A run in which no command was acknowledged for so long is broken off: nobody is there any more."""
    duration_s: float | None = None
    """Stop sending so long after the first command, as planned."""
    limit_s: float | None = None
    """Break the run off so long after the first command; it has failed then."""
    bearer: Bearer = NO_BEARER
    """The token of every request."""
    ca: Path | None = None
    """PEM file of the CA by which the server of an https URL is verified; None: the system's CAs."""
    dump: Path | None = None
    """Where the body of the last DUMPLOG goes. Where the file does not end with one, one is added."""
    history: Path | None = None
    """Where each command's times and outcome go, as JSON Lines (`history.Sent`)."""
