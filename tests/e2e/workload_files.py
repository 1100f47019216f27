"""Workload files for end-to-end tests."""

import os
from pathlib import Path

from daytrader.workload.maker import write

REAL = ("entrypoint.txt", "user1.txt", "user10.txt")


def files(directory: Path) -> list[Path]:
    """Return the real files from the directory that DAYTRADER_WORKLOADS names, else made ones of their sizes."""
    place = os.environ.get("DAYTRADER_WORKLOADS")
    if place:
        return [Path(place) / name for name in REAL]
    made = []
    for users, commands in ((1, 100), (10, 10_000)):
        path = directory / f"{users}-users.txt"
        write(path, users=users, commands=commands, seed=users)
        made.append(path)
    return made
