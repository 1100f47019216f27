"""The load generator as a function: `await run(workload, url, options)` gives the report."""

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from time import monotonic, process_time, time

from daytrader.workload.dump import Dump, Dumped
from daytrader.workload.file import Workload
from daytrader.workload.history import HistoryWriter, Sent
from daytrader.workload.options import MOST_CONNECTIONS, Options
from daytrader.workload.process import ProcessError, ProcessWorker
from daytrader.workload.report import DumpReport, Report, by_command, overall_latency
from daytrader.workload.request import CODES, DUMP_CODES, FORMS, Endpoint, RequestBuilder
from daytrader.workload.runner import AnyWorker, Runner, Snapshot
from daytrader.workload.tally import Tally
from daytrader.workload.worker import Part, Worker

_ADDED_DUMP = b"./dumplog"


async def run(
    workload: Workload,
    url: str,
    options: Options | None = None,
    *,
    watch: Callable[[Snapshot], None] | None = None,
    interrupted: asyncio.Event | None = None,
) -> Report:
    """Send the commands of `workload` to the web service at `url`.

    `watch` is told about four times a second how far the run is. When `interrupted` is set, the run is broken off: the
    report then tells of what was done.

    Raises:
        ValueError: the URL or a number in the options cannot be used.
        UnreachableError: nothing accepts connections at the URL.
        OSError: a file cannot be written, the token cannot be read, or so many connections are not allowed.
        ProcessError: a process of the generator failed.
    """
    return await _Run(workload, url, options or Options()).go(watch, interrupted)


class _Run:
    def __init__(self, workload: Workload, url: str, options: Options) -> None:
        self._workload = workload
        self._url = url
        self._options = options
        self._endpoint = Endpoint.parse(url, options.ca)
        self._run_id = secrets.token_hex(6)
        self._builder = RequestBuilder(self._endpoint, self._run_id if options.retry else None, options.bearer.token())
        self._parts = _parts(workload, options)
        self._tally = Tally()
        self._dumps: list[DumpReport] = []
        self._cpu_before = process_time()

    async def go(self, watch: Callable[[Snapshot], None] | None, interrupted: asyncio.Event | None) -> Report:
        if self._options.history is not None:
            self._options.history.write_bytes(b"")  # the workers append to it
        make = Worker if len(self._parts) == 1 else ProcessWorker
        workers: list[AnyWorker] = [
            make(self._workload, self._url, self._options, part, self._run_id) for part in self._parts
        ]
        runner = Runner(
            workload=self._workload,
            endpoint=self._endpoint,
            options=self._options,
            workers=workers,
            dump=self._dump,
            watch=watch,
            interrupted=interrupted,
        )
        try:
            await runner.run()
        except BaseException:
            for worker in workers:
                with contextlib.suppress(ProcessError, OSError):  # there is a better reason already
                    await worker.close()
            raise
        wall_s = monotonic() - runner.started
        for worker in workers:
            self._tally.merge(await worker.close())
        return self._report(runner, wall_s)

    async def _dump(self, position: int | None) -> None:
        """Run the DUMPLOG at `position`, or (None) one for the whole log that the file does not have."""
        workload, options = self._workload, self._options
        if position is None:
            code, arguments = CODES[b"DUMPLOG", 1], _ADDED_DUMP
            line = workload.index.lines[-1] + 1 if len(workload) else 1
        else:
            code, arguments = workload.index.codes[position], workload.arguments(position)
            line = workload.index.lines[position]
        is_last = position is None or position == len(workload) - 1
        file = options.dump if is_last else None
        with contextlib.suppress(OSError):  # the one that was read last is shown then
            self._builder.show(options.bearer.token())
        dump = Dump(self._endpoint, self._builder.build(code, arguments, line), file, retry=options.retry)
        dumped = await dump.run(line)
        self._count(code, dumped, is_wanted=file is not None)
        ms = round(dumped.seconds * 1000, 3)
        written = str(file) if file is not None and dumped.status == 200 else None
        self._dumps.append(DumpReport(line, dumped.status, dumped.bytes, ms, written, dumped.reason))
        if options.history is not None:
            self._record(code, arguments, dumped)

    def _count(self, code: int, dumped: Dumped, *, is_wanted: bool) -> None:
        """Count it. A log that the token may not read is a refusal, unless somebody wants to have it in a file."""
        is_refused = dumped.status == 400 or (dumped.status == 403 and not is_wanted)
        tally, sends = self._tally, len(dumped.sent)
        if dumped.status == 200:
            tally.accepted[code] += 1
        elif is_refused:
            tally.refuse(code, dumped.reason.encode())
        else:
            reason = f"answered {dumped.status} {dumped.reason}".rstrip() if dumped.status else dumped.reason
            tally.fail(code, dumped.line, reason, server_error=dumped.status == 500)
        if dumped.status == 200 or is_refused:
            tally.latencies[code].append(dumped.seconds)
        tally.retried += sends > 1
        tally.resent += max(0, sends - 1)

    def _record(self, code: int, arguments: bytes, dumped: Dumped) -> None:
        assert self._options.history is not None  # noqa: S101 - for the type checker
        args, now = arguments.decode(errors="replace").split(","), time() - monotonic()
        history = HistoryWriter(self._options.history)
        answered = int((dumped.sent[0] + dumped.seconds + now) * 1000) if dumped.status else None
        history.add(
            Sent(
                self._builder.key(dumped.line),
                args[0] if FORMS[code].has_user else None,
                dumped.line,
                FORMS[code].name,
                args,
                [int((sent + now) * 1000) for sent in dumped.sent],
                answered,
                dumped.status,
                dumped.reason if dumped.status != 200 else None,
            )
        )
        history.close()

    def _report(self, runner: Runner, wall_s: float) -> Report:
        workload, options, tally = self._workload, self._options, self._tally
        acknowledged = sum(
            tally.accepted[code] + tally.refused[code] for code in range(len(FORMS)) if code not in DUMP_CODES
        )
        sent = acknowledged + sum(tally.failed[code] for code in range(len(FORMS)) if code not in DUMP_CODES)
        cpu_s = process_time() - self._cpu_before + tally.cpu_s
        broken = tally.unanswered or sum(tally.failed) or runner.ended in {"limit", "silence"}
        return Report(
            file=str(workload.path),
            url=self._url,
            ended=runner.ended,
            exit_status=130 if runner.ended == "interrupted" else int(bool(broken)),
            rate=options.rate,
            users=workload.users,
            connections=sum(part.connections for part in self._parts),
            processes=len(self._parts),
            retry=options.retry,
            commands=len(workload),
            malformed=workload.malformed_count,
            malformed_first=[str(malformed) for malformed in workload.malformed],
            accepted=sum(tally.accepted),
            refused=sum(tally.refused),
            failed=sum(tally.failed),
            unanswered=tally.unanswered,
            not_sent=max(0, len(workload) - tally.done - tally.unanswered),
            server_errors=tally.server_errors,
            retried=tally.retried,
            resent=tally.resent,
            refusals=dict(sorted(tally.refusals.items(), key=lambda item: -item[1])),
            failures=dict(sorted(tally.failures.items(), key=lambda item: -item[1])),
            failures_first=tally.named_failures,
            wall_s=round(wall_s, 3),
            sending_s=round(runner.sending_s, 3),
            commands_per_s=round(acknowledged / runner.sending_s, 1) if runner.sending_s else 0.0,
            longest_gap_ms=round(runner.longest_gap_s * 1000, 1),
            latency_ms=overall_latency(tally),
            by_command=by_command(tally),
            dumps=self._dumps,
            cpu_s=round(cpu_s, 3),
            cpu_us_per_command=round(tally.sending_cpu_s / sent * 1e6, 1) if sent else 0.0,
        )


def _parts(workload: Workload, options: Options) -> list[Part]:
    """Which process has which users, with how many connections."""
    users = max(1, workload.users)
    for name in ("rate", "connections", "processes"):
        number = getattr(options, name)
        if number is not None and not number > 0:
            raise ValueError(f"{name} must be more than 0, not {number!r}")
    connections = min(options.connections or MOST_CONNECTIONS, users)
    processes = min(options.processes, connections)
    return [
        Part(number, processes, connections // processes + (number < connections % processes))
        for number in range(processes)
    ]
