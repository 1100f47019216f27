"""The report of a run on the screen."""

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from daytrader.workload.report import Latency, Report

_ENDS = {
    "complete": "All was sent.",
    "duration": "Stopped after the time that was asked for.",
    "limit": "Stopped: the time limit was over.",
    "silence": "Stopped: no command was acknowledged any more.",
    "interrupted": "Interrupted; this is what was done.",
}


def show(report: Report, console: Console) -> None:
    """Print the report."""
    console.print(_commands(report))
    console.print(_figures(report))
    for title, counts in (("Refusals", report.refusals), ("Failures", report.failures)):
        if counts:
            console.print(_counts(title, counts))
    _name_lines(report, console)
    good = report.exit_status == 0
    verdict = f"{_ENDS[report.ended]} {_verdict(report)}"
    console.print(Text(verdict, style="bold green" if good else "bold red"))


def _commands(report: Report) -> Table:
    title = f"{report.file} → {report.url}; latency in ms"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("command", no_wrap=True)
    for column in ("accepted", "refused", "failed", "p50", "p90", "p99", "p99.9", "max"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, count in report.by_command.items():
        table.add_row(name, *_numbers(count.accepted, count.refused, count.failed), *_milliseconds(count.latency_ms))
    table.add_section()
    table.add_row(
        "all",
        *_numbers(report.accepted, report.refused, report.failed),
        *_milliseconds(report.latency_ms),
        style="bold",
    )
    return table


def _figures(report: Report) -> Table:
    table = Table(show_header=False, box=None)
    table.add_column()
    table.add_column()
    loop = "closed loop" if report.rate is None else f"open loop at {report.rate:,g}/s"
    spread = f"{report.users:,} users, {report.connections:,} connections, {report.processes} process(es)"
    table.add_row("load", f"{loop}, {spread}, retries {'on' if report.retry else 'off'}")
    table.add_row("throughput", f"{report.commands_per_s:,.0f} commands/s over {report.sending_s:,.2f} s")
    table.add_row("wall time", f"{report.wall_s:,.2f} s with DUMPLOGs, which are not in the latency of all")
    table.add_row("longest gap", f"{report.longest_gap_ms:,.0f} ms without an acknowledgement")
    table.add_row("sent again", f"{report.retried:,} commands, {report.resent:,} times in all")
    table.add_row("generator", f"{report.cpu_s:,.2f} CPU seconds, {report.cpu_us_per_command:,.1f} µs a command")
    for dump in report.dumps:
        what = f"{dump.bytes:,} bytes in {dump.ms / 1000:,.2f} s" if not dump.reason else dump.reason
        where = f" → {dump.file}" if dump.file is not None else ""
        table.add_row(f"DUMPLOG, line {dump.line:,}", f"{dump.status or 'no answer'}: {what}{where}")
    return table


def _counts(title: str, counts: dict[str, int]) -> Table:
    table = Table(title=title, title_justify="left", show_header=False, box=None)
    table.add_column(justify="right")
    table.add_column()
    for text, count in counts.items():
        table.add_row(f"{count:,}", Text(text))
    return table


def _name_lines(report: Report, console: Console) -> None:
    """The malformed lines and the failed commands, the first of each."""
    if report.malformed:
        console.print(f"Malformed lines, not sent: {report.malformed:,}. The first:")
        for line in report.malformed_first:
            console.print(Text(f"  {line}", style="yellow"))
    if report.failures_first:
        console.print(f"Failed commands: {report.failed:,}. The first:")
        for failure in report.failures_first:
            console.print(Text(f"  {report.file}:{failure.line}: {failure.command}: {failure.reason}", style="red"))


def _verdict(report: Report) -> str:
    if report.exit_status == 0:
        return "Every command that was sent is acknowledged."
    parts = [
        f"{count:,} {what}"
        for count, what in (
            (report.failed, "failed"),
            (report.server_errors, "of them by server errors"),
            (report.unanswered, "without a known outcome"),
            (report.not_sent, "not sent"),
        )
        if count
    ]
    return f"Of {report.commands:,} commands: {', '.join(parts) or 'all acknowledged'}."


def _numbers(*counts: int) -> list[str]:
    return [f"{count:,}" for count in counts]


def _milliseconds(latency: Latency) -> list[str]:
    if not latency.max:
        return ["–"] * 5  # noqa: RUF001 - a dash for "none"
    return [
        f"{value:,.{int(value < 1000)}f}"
        for value in (latency.p50, latency.p90, latency.p99, latency.p999, latency.max)
    ]
