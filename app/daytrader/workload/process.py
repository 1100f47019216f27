"""A worker in a process of its own: what the leading process holds of it, and (`python -m`) the process itself."""

import asyncio
import signal
import socket
import sys
from collections.abc import Awaitable
from time import process_time
from typing import Final, TypeVar

import uvloop

from daytrader.workload import message
from daytrader.workload.file import Index, Segment, Workload
from daytrader.workload.options import Options
from daytrader.workload.tally import Tally
from daytrader.workload.worker import Part, Progress, SegmentResult, Worker

_REPORT_EVERY: Final = 0.2
_START_WITHIN: Final = 60.0
"""Seconds for a process to start and make its connections."""
_CLOSE_WITHIN: Final = 90.0
"""Seconds for a process to write what is left of the history and end."""

Heard = TypeVar("Heard", message.Ready, message.Finished, message.Closed)


class ProcessError(Exception):
    """A process of the generator has failed; the message says how."""


class ProcessWorker:
    """A `Worker` that runs in another process."""

    def __init__(self, workload: Workload, url: str, options: Options, part: Part, run_id: str) -> None:
        path = workload.path.absolute()
        self._setup = message.Setup(path, workload.index.pack(), workload.users, url, options, part, run_id)
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        self._words: asyncio.Queue[message.Word] = asyncio.Queue()
        self._progress = Progress(0, 0, 0, 0)
        self._failed = False

    async def prepare(self) -> None:
        """Start the process and let it make its connections. Raises ProcessError."""
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "daytrader.workload.process", str(theirs.fileno()), pass_fds=(theirs.fileno(),)
            )
        reader, self._writer = await asyncio.open_connection(sock=ours)
        self._listening = asyncio.create_task(self._listen(reader))
        self._say(self._setup)
        await _within(_START_WITHIN, self._hear(message.Ready), "did not start")

    async def run(self, segment: Segment, start: float) -> SegmentResult:
        """Run the process's share of a segment. Raises ProcessError."""
        self._say(message.Go(segment, start))
        return (await self._hear(message.Finished)).result

    def stop(self) -> None:
        """Send no more commands; those under way go on."""
        self._say(message.Stop())

    def abort(self) -> None:
        """Wait no longer for those under way: their outcome stays unknown."""
        self._say(message.Abort())

    def progress(self) -> Progress:
        return self._progress

    async def close(self) -> Tally:
        """End the process and return what it counted. Raises ProcessError, unless it had failed before."""
        try:
            if self._failed or self._process is None:
                return Tally()
            self._say(message.Close())
            closed = await _within(_CLOSE_WITHIN, self._hear(message.Closed), "did not end")
            return Tally.unpack(closed.tally)
        finally:
            await self._end()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                word = await message.read_word(reader)
                if isinstance(word, message.Underway):
                    self._progress = word.progress
                else:
                    self._words.put_nowait(word)
        except (asyncio.IncompleteReadError, ConnectionError):
            self._words.put_nowait(message.Broken("a process of the generator has ended unasked; see its words above"))

    def _say(self, order: message.Order) -> None:
        if self._writer is not None:
            message.write(self._writer, order)

    async def _hear(self, kind: type[Heard]) -> Heard:
        while True:
            word = await self._words.get()
            if isinstance(word, kind):
                return word
            if isinstance(word, message.Broken):
                self._failed = True
                raise ProcessError(word.text)

    async def _end(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
        if self._writer is not None:
            self._writer.close()  # the process ends when it reads the end of this
        if self._process is not None:
            try:
                async with asyncio.timeout(5):
                    await self._process.wait()
            except TimeoutError:
                self._process.kill()
                await self._process.wait()


async def _within(seconds: float, wait: Awaitable[Heard], failure: str) -> Heard:
    try:
        async with asyncio.timeout(seconds):
            return await wait
    except TimeoutError:
        raise ProcessError(f"a process of the generator {failure} within {seconds:g} s") from None


class _Served:
    """The process's side: does what the leading process orders, until that is gone."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._segment: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        setup = await message.read_order(self._reader)
        if not isinstance(setup, message.Setup):
            raise TypeError(f"the first order must be Setup, not {setup!r}")
        workload = Workload(setup.path, Index.unpack(setup.index), setup.users)
        worker = Worker(workload, setup.url, setup.options, setup.part, setup.run_id)
        await worker.prepare()
        message.write(self._writer, message.Ready())
        reporting = asyncio.create_task(self._report(worker))
        try:
            await self._obey(worker)
        finally:
            reporting.cancel()
            tally = await worker.close()
        tally.cpu_s = process_time()
        message.write(self._writer, message.Closed(tally.pack()))
        await self._writer.drain()

    async def _obey(self, worker: Worker) -> None:
        while not isinstance(order := await message.read_order(self._reader), message.Close):
            match order:
                case message.Go(segment, start):
                    self._segment = asyncio.create_task(self._run(worker, segment, start))
                case message.Stop():
                    worker.stop()
                case message.Abort():
                    worker.abort()

    async def _run(self, worker: Worker, segment: Segment, start: float) -> None:
        try:
            result = await worker.run(segment, start)
        except Exception as error:  # whatever it is, the leading process has to hear of it
            message.write(self._writer, message.Broken(f"{type(error).__name__}: {error}"))
        else:
            message.write(self._writer, message.Finished(result))

    async def _report(self, worker: Worker) -> None:
        while True:
            await asyncio.sleep(_REPORT_EVERY)
            message.write(self._writer, message.Underway(worker.progress()))


async def _main(descriptor: int) -> None:
    reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=descriptor))
    try:
        await _Served(reader, writer).serve()
    except (asyncio.IncompleteReadError, ConnectionError):
        return  # the leading process is gone, and so is the run
    except (OSError, ValueError) as error:
        message.write(writer, message.Broken(str(error)))
    finally:
        writer.close()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the leading process, which then gives its orders
    uvloop.run(_main(int(sys.argv[1])))
