"""The client's own record of a run."""

from pathlib import Path

import msgspec
import pytest

from daytrader.workload.history import HistoryWriter, Sent


def sent(line: int) -> Sent:
    """A record."""
    return Sent(f"run-{line}", "u", line, "QUOTE", ["u", "é"], [1, 2], 3, 200, "5.00")


def test_records_are_lines_of_json(tmp_path: Path) -> None:
    """Each record is one line that decodes to it; an existing file is appended to."""
    file = tmp_path / "history"
    for lines in (range(3_000), range(3_000, 3_001)):
        writer = HistoryWriter(file)
        for line in lines:
            writer.add(sent(line))
        writer.close()
    records = [msgspec.json.decode(line, type=Sent) for line in file.read_bytes().splitlines()]
    assert records == [sent(line) for line in range(3_001)]


def test_two_writers_share_a_file(tmp_path: Path) -> None:
    """Lines of several writers do not get mixed up."""
    writers = [HistoryWriter(tmp_path / "history") for _ in range(2)]
    for line in range(10_000):
        writers[line % 2].add(sent(line))
    for writer in writers:
        writer.close()
    lines = [msgspec.json.decode(line, type=Sent).line for line in (tmp_path / "history").read_bytes().splitlines()]
    assert sorted(lines) == list(range(10_000))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
def test_a_full_disk_is_told(tmp_path: Path) -> None:
    """What could not be written is an error at the end at the latest."""
    (tmp_path / "history").symlink_to("/dev/full")
    writer = HistoryWriter(tmp_path / "history")
    writer.add(sent(1))
    with pytest.raises(OSError, match=r"history file: .*No space left"):
        writer.close()
