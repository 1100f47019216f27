"""CPU seconds and memory of processes, by the part they belong to."""

from collections.abc import Mapping

import psutil


def part_of(process: str) -> str:
    """Return the part a supervised process belongs to: "data-0" -> "data set", "web-1" -> "web"."""
    kind, _, number = process.rpartition("-")
    if not number.isdecimal():
        return process
    return f"{kind} set" if kind in ("data", "audit") else kind


class CpuMeter:
    """Measures from its making on. Processes that started since count whole; those that ended are lost, and said."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in pids.items()}
        self._before = {name: _seconds(process) for name, process in self._processes.items()}

    def seconds(self) -> dict[str, float]:
        """Return the CPU seconds (user and system) of each part since the start."""
        parts: dict[str, float] = {}
        for name, process in self._processes.items():
            part = part_of(name)
            parts[part] = parts.get(part, 0.0) + _seconds(process) - self._before[name]
        return parts

    def resident_mb(self) -> dict[str, float]:
        """Return the memory of each process in MB (resident set)."""
        return {name: round(process.memory_info().rss / 1e6, 1) for name, process in self._processes.items()}


def _seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
