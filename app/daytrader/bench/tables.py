"""The benchmark's figures as tables for a terminal."""

from collections.abc import Iterator, Sequence

import msgspec
from rich.table import Table

from daytrader.bench.batch import CLIENT, MeasuredWay
from daytrader.bench.dump import MeasuredDump
from daytrader.bench.plan import Comparison, Row


class Result(msgspec.Struct, frozen=True):
    """All that a benchmark measured."""

    machine: str
    rows: Sequence[Row]
    opening_s: float | None = None
    """From killing the transaction replica until it was back with all its partitions open, where that was measured."""
    opening_records: float | None = None
    """How many records after the checkpoints it had to replay."""
    dump: MeasuredDump | None = None
    ways: Sequence[MeasuredWay] = ()
    """Single requests and batches of the JSON API, where they were measured."""
    comparisons: Sequence[Comparison] = ()


def tables(result: Result) -> Iterator[Table]:
    """Yield the tables: throughput and latency, batches, CPU by part; or single requests and batches of the API."""
    if result.ways:
        yield _ways(result)
    if result.rows:
        yield from _loads(result)
    if result.comparisons:
        yield _compared(result)


def _ways(result: Result) -> Table:
    table = Table(
        *("commands in", "commands/s", "times", "CPU-ms a command: client", "web", "transaction", "all but client"),
        title=f"The JSON API ({result.machine})",
    )
    slowest = min(way.commands_per_s for way in result.ways)
    for way in result.ways:
        cpu = way.cpu_ms_by_part
        served = sum(cpu.values()) - cpu[CLIENT]
        parts = (cpu[CLIENT], cpu["web"], cpu["transaction"], served)
        times = f"{way.commands_per_s / slowest:.1f}"
        table.add_row(way.way, f"{way.commands_per_s:,.0f}", times, *(f"{spent:.3f}" for spent in parts))
    return table


def _compared(result: Result) -> Table:
    table = Table("what", "median", "by round", title="In turns")
    for one in result.comparisons:
        table.add_row(one.what, f"{one.ratio:.2f}", ", ".join(f"{ratio:.2f}" for ratio in one.ratios))
    return table


def _loads(result: Result) -> Iterator[Table]:
    rows = result.rows
    speed = Table(
        *("configuration", "load", "commands/s", "p50 ms", "p99 ms", "CPU-ms a command", "failed"),
        title=f"Throughput and latency ({result.machine})",
    )
    for row in rows:
        m = row.measured
        speed.add_row(
            *(row.configuration, m.name, f"{m.commands_per_s:,.0f}", f"{m.p50_ms:.1f}", f"{m.p99_ms:.1f}"),
            *(f"{m.cpu_ms_per_command:.3f}", str(m.failed)),
        )
    yield speed
    batches = Table(
        *("configuration", "load", "records an append", "appends/s", "ms an append", "commands a batch of web"),
        title="Batches",
    )
    for row in rows:
        m = row.measured
        batches.add_row(
            *(row.configuration, m.name, f"{m.records_per_append:.1f}", f"{m.appends_per_s:.0f}"),
            *(f"{m.append_ms:.1f}", f"{m.commands_per_batch:.1f}"),
        )
    yield batches
    parts = list(rows[0].measured.cpu_ms_by_part)
    cpu = Table("configuration", "load", *parts, "all", title="CPU seconds for 1,000 commands, by part")
    for row in rows:
        m = row.measured
        spent = (f"{m.cpu_ms_by_part.get(part, 0.0):.3f}" for part in parts)
        cpu.add_row(row.configuration, m.name, *spent, f"{m.cpu_ms_per_command:.3f}")
    yield cpu
    if result.opening_s is not None and result.dump is not None:
        long = Table("what", "figure", title="With a long journal")
        long.add_row("the transaction replica killed, back, all partitions open", f"{result.opening_s:.2f} s")
        long.add_row("records after its checkpoints", f"{result.opening_records or 0:,.0f}")
        long.add_row("its memory before", f"{_memory(rows, 'transaction-0'):.0f} MB")
        dump = result.dump
        long.add_row("DUMPLOG of all", f"{dump.events:,} events, {dump.bytes / 1e6:.0f} MB in {dump.seconds:.1f} s")
        long.add_row("the audit service's memory meanwhile", f"{dump.audit_mb:.0f} MB at the most")
        yield long


def _memory(rows: Sequence[Row], process: str) -> float:
    return max(row.measured.resident_mb.get(process, 0.0) for row in rows)
