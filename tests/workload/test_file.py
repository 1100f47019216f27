"""Reading of workload files."""

import os
from pathlib import Path

import pytest

from daytrader.workload import maker
from daytrader.workload.file import Index, Segment, Workload
from daytrader.workload.request import FORMS


def commands(workload: Workload) -> list[tuple[int, str, str]]:
    """Line number, command and arguments of all commands."""
    index = workload.index
    return [
        (index.lines[at], FORMS[index.codes[at]].name, workload.arguments(at).decode()) for at in range(len(workload))
    ]


def written(path: Path, text: str | bytes) -> Path:
    """A file with this content."""
    file = path / "workload.txt"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_blanks_line_ends_and_empty_lines_are_harmless(tmp_path: Path) -> None:
    """Trailing blanks, CRLF, blank lines and a missing last line end change nothing."""
    text = "[1] ADD,u,1.00 \r\n\r\n[2] QUOTE,u,S\t \n   \n[3] DUMPLOG,./log"
    with Workload.open(written(tmp_path, text)) as workload:
        assert commands(workload) == [(1, "ADD", "u,1.00"), (3, "QUOTE", "u,S"), (5, "DUMPLOG", "./log")]
        assert workload.malformed_count == 0


def test_users_are_numbered_as_they_come(tmp_path: Path) -> None:
    """Commands of the same user have the same number; DUMPLOG has no user."""
    text = "[1] ADD,b,1.00\n[2] ADD,a,1.00\n[3] COMMIT_BUY,b\n[4] DUMPLOG,a,./log\n[5] COMMIT_BUY,\n"
    with Workload.open(written(tmp_path, text)) as workload:
        assert list(workload.index.users) == [0, 1, 0, 0, 2]
        assert workload.users == 3


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("ADD,u,1.00", "not of the shape [n] COMMAND,argument,..."),
        ("[x] ADD,u,1.00", "not of the shape [n] COMMAND,argument,..."),
        ("[1]ADD,u,1.00", "not of the shape [n] COMMAND,argument,..."),
        ("[1] ", "not of the shape [n] COMMAND,argument,..."),
        ("[1] STEAL,u,1.00", "there is no command STEAL"),
        ("[1] add,u,1.00", "there is no command add"),
        ("[1] ADD,u", "ADD takes 2 arguments, not 1"),
        ("[1] COMMIT_BUY,u,S", "COMMIT_BUY takes 1 argument, not 2"),
        ("[1] COMMIT_BUY", "COMMIT_BUY takes 1 argument, not 0"),
        ("[1] DUMPLOG,a,b,c", "DUMPLOG takes 1 or 2 arguments, not 3"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, line: str, reason: str) -> None:
    """A line that is no command is kept out and named with file, line and reason."""
    file = written(tmp_path, f"[1] ADD,u,1.00\n{line}\n[3] COMMIT_BUY,u\n")
    with Workload.open(file) as workload:
        assert [name for _, name, _ in commands(workload)] == ["ADD", "COMMIT_BUY"]
        assert [str(malformed) for malformed in workload.malformed] == [f"{file}:2: {reason}: {line.strip()!r}"]


def test_invalid_values_are_commands_all_the_same(tmp_path: Path) -> None:
    """A negative amount or a strange user is for the server to refuse."""
    text = "[1] ADD,u,-73280.58 \n[2] ADD,!! é,x\n[3] BUY,,,\n".encode() + b"[4] COMMIT_BUY,\xff\n"
    with Workload.open(written(tmp_path, text)) as workload:
        assert len(workload) == 4
        assert workload.arguments(3) == b"\xff"


def test_twenty_malformed_lines_are_named_and_all_are_counted(tmp_path: Path) -> None:
    """Many broken lines are counted without being kept."""
    with Workload.open(written(tmp_path, "nonsense\n" * 1_000 + "[1] ADD,u,1.00\n")) as workload:
        assert (workload.malformed_count, len(workload.malformed), len(workload)) == (1_000, 20, 1)


def test_dumplogs_end_segments(tmp_path: Path) -> None:
    """A segment is what stands between two DUMPLOGs, and may be empty."""
    text = "[1] ADD,a,1.00\n[2] DUMPLOG,a,./a\n[3] DUMPLOG,./b\n[4] COMMIT_BUY,a\n"
    with Workload.open(written(tmp_path, text)) as workload:
        assert workload.segments() == [Segment(0, 1, 1), Segment(2, 2, 2), Segment(3, 4, None)]


def test_an_empty_file_has_no_commands(tmp_path: Path) -> None:
    """A file without a byte can be opened."""
    with Workload.open(written(tmp_path, "")) as workload:
        assert (len(workload), workload.users, workload.segments()) == (0, 0, [])


def test_an_index_survives_the_way_to_another_process(tmp_path: Path) -> None:
    """With the index as bytes the same file gives the same commands."""
    file = written(tmp_path, "[1] ADD,b,1.00\n[2] QUOTE,a,S\n")
    with Workload.open(file) as workload:
        other = Workload(file, Index.unpack(workload.index.pack()), workload.users)
        with other:
            assert commands(other) == commands(workload)


def test_progress_is_told(tmp_path: Path) -> None:
    """Reading says how many bytes it has behind it, every 100,000 lines."""
    told: list[int] = []
    file = written(tmp_path, "[1] COMMIT_BUY,a\n" * 250_000)
    with Workload.open(file, told.append) as workload:
        assert len(workload) == 250_000
    assert told == [1_700_000, 3_400_000]


def real_files(tmp_path: Path) -> list[Path]:
    """The files in the directory that DAYTRADER_WORKLOADS names; made ones where it is not set."""
    directory = os.environ.get("DAYTRADER_WORKLOADS")
    if directory:
        return sorted(Path(directory).glob("*.txt"))
    for users, lines in ((1, 100), (10, 10_000)):
        maker.write(tmp_path / f"{users}.txt", users, lines, seed=users)
    return sorted(tmp_path.glob("*.txt"))


def test_real_files_are_read_without_a_malformed_line(tmp_path: Path) -> None:
    """Every line of a real file is a command, and the last is the DUMPLOG of everything."""
    files = real_files(tmp_path)
    assert files
    for file in files:
        with Workload.open(file) as workload:
            assert workload.malformed_count == 0
            assert len(workload) == len(file.read_text().splitlines())
            last = FORMS[workload.index.codes[-1]]
            assert last.name == "DUMPLOG"
            assert not last.has_user
