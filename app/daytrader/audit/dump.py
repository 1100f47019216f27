"""The log as XML: a merge of the partitions' records by time, written as it is read."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from heapq import heapify, heappop, heapreplace
from typing import Final

from daytrader.audit.events import CLOSING, OPENING, events
from daytrader.audit.stream import RecordStream
from daytrader.journal.entry import transaction_number

CHUNK: Final = 64 * 1024
"""About how many characters are written at once."""


async def log_of(streams: Sequence[RecordStream], partitions: int) -> AsyncGenerator[bytes, None]:
    """Yield the XML log of the records in `streams`, in chunks of about 64 KiB.

    Ordered by time, then partition, then number; within a partition time never goes back, so each stream is in order.
    """
    parts = [OPENING]
    size = 0
    by_partition = {stream.partition: stream for stream in streams if await stream.advance()}
    heap = [(stream.records[-1][1].time, partition) for partition, stream in by_partition.items()]
    heapify(heap)
    while heap:
        stream = by_partition[heap[0][1]]
        for text in _run(stream, _next_but_one(heap), partitions):
            parts.append(text)
            size += len(text)
            if size >= CHUNK:
                break
        if size >= CHUNK:
            yield "".join(parts).encode()
            parts.clear()
            size = 0
            # Neither a store that reads ahead nor a fast reader makes us wait: let the others have their turn.
            await asyncio.sleep(0)
        if stream.records or await stream.advance():
            heapreplace(heap, (stream.records[-1][1].time, stream.partition))
        else:
            heappop(heap)
    parts.append(CLOSING)
    yield "".join(parts).encode()


def _next_but_one(heap: list[tuple[int, int]]) -> tuple[int, int] | None:
    """Return the second smallest of the heap: how far the first stream may go on before it is another's turn."""
    return min(heap[1:3], default=None)


def _run(stream: RecordStream, upto: tuple[int, int] | None, partitions: int) -> Iterator[str]:
    """Take records from the stream's entry while they come before `upto`, and yield their events."""
    records = stream.records
    partition, server = stream.partition, stream.server
    while records and (upto is None or (records[-1][1].time, partition) < upto):
        running, record = records.pop()
        yield events(record, transaction_number(partition, running, partitions), server)
