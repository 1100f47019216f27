"""What web and transaction replicas say to each other: batches of requests one way, replies in the same order back."""

import msgspec

from daytrader.domain.command import Command


class Request(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A command on its way to the replica that decides it; or, with no command, a bare barrier in a partition."""

    id: str
    """The client's Idempotency-Key behind "k:", or the web service's own id behind "w:"; kept over retries."""
    partition: int
    command: Command | None
    first_sent: int
    """When web first sent it, ms since the epoch; kept over retries."""
    attempt: int = 0
    """0 the first time; more where it is sent again because nobody knows what became of it."""
    trace: str = ""
    """W3C traceparent, where tracing is on."""


class Reply(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What became of a command: durable, or (503, 429, 422) without effect."""

    status: int
    body: bytes = b""
    place: int = 0
    """The entry of the partition in which a DUMPLOG (or bare barrier) stands; 0 for everything else."""
    answer: tuple[int, int, int] | None = None
    """Price, shares, and cost or proceeds in cents of an accepted BUY or SELL; of a QUOTE the price, when the quote
    server was asked (ms since the epoch), and 1 where that was done for this command, else 0.
    """


encode_requests = msgspec.msgpack.Encoder().encode
decode_requests = msgspec.msgpack.Decoder(list[Request]).decode
encode_replies = msgspec.msgpack.Encoder().encode
decode_replies = msgspec.msgpack.Decoder(list[Reply | None]).decode
"""None stands for a command that is still under way (it waits for a quote, say): ask for it again with the same id."""
