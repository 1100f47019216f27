"""Messages between the process that leads a run and those that share the sending: msgpack, each after its length."""

import asyncio
from pathlib import Path
from typing import Final

import msgspec

from daytrader.workload.file import Segment
from daytrader.workload.options import Options
from daytrader.workload.tally import PackedTally
from daytrader.workload.worker import Part, Progress, SegmentResult


class Setup(msgspec.Struct, frozen=True, tag=True):
    """Who you are and what this run is. Answered by `Ready`."""

    path: Path
    index: list[bytes]
    users: int
    url: str
    options: Options
    part: Part
    run_id: str


class Go(msgspec.Struct, frozen=True, tag=True):
    """Run your share of a segment. Answered by `Finished`."""

    segment: Segment
    start: float


class Stop(msgspec.Struct, frozen=True, tag=True):
    """Send no more."""


class Abort(msgspec.Struct, frozen=True, tag=True):
    """Send no more and wait for nothing."""


class Close(msgspec.Struct, frozen=True, tag=True):
    """The run is over. Answered by `Closed`."""


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The connections are made."""


class Finished(msgspec.Struct, frozen=True, tag=True):
    """The segment is over."""

    result: SegmentResult


class Closed(msgspec.Struct, frozen=True, tag=True):
    """All that was counted. The process ends."""

    tally: PackedTally


class Broken(msgspec.Struct, frozen=True, tag=True):
    """Something went wrong in the generator itself. The process ends."""

    text: str


class Underway(msgspec.Struct, frozen=True, tag=True):
    """How far it is, sent a few times a second."""

    progress: Progress


Order = Setup | Go | Stop | Abort | Close
Word = Ready | Finished | Closed | Broken | Underway

LENGTH: Final = 4
"""Bytes of the length before a message, big-endian."""

_encoder: Final = msgspec.msgpack.Encoder(enc_hook=str)  # paths
_orders: Final = msgspec.msgpack.Decoder(Order, dec_hook=lambda kind, text: kind(text))
_words: Final = msgspec.msgpack.Decoder(Word)


def write(writer: asyncio.StreamWriter, message: Order | Word) -> None:
    """Send a message. The amounts are small and the other side always reads, so there is nothing to wait for."""
    body = _encoder.encode(message)
    writer.write(len(body).to_bytes(LENGTH, "big") + body)


async def _read(reader: asyncio.StreamReader) -> bytes:
    length = int.from_bytes(await reader.readexactly(LENGTH), "big")
    return await reader.readexactly(length)


async def read_order(reader: asyncio.StreamReader) -> Order:
    """The next order. Raises IncompleteReadError when the other side is gone."""
    order: Order = _orders.decode(await _read(reader))
    return order


async def read_word(reader: asyncio.StreamReader) -> Word:
    """The next word. Raises IncompleteReadError when the other side is gone."""
    word: Word = _words.decode(await _read(reader))
    return word
