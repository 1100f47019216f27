"""Files that are taken in again when they change."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from daytrader import changing_files
from daytrader.changing_files import ChangingFiles, follow
from tests.certificates import Mounted


class Taker:
    """Takes a file in, unless it says "broken"."""

    def __init__(self, mounted: Mounted) -> None:
        self.path = mounted.path("word")
        self.taken: list[str] = []
        self.took = asyncio.Event()

    def __call__(self) -> None:
        word = Path(self.path).read_text()
        if word == "broken":
            raise ValueError("it is broken")
        self.taken.append(word)
        self.took.set()


@pytest.fixture
def mounted(tmp_path: Path) -> Mounted:
    """A mounted Secret with one file in it."""
    mounted = Mounted(tmp_path)
    mounted.put(word=b"one")
    return mounted


def test_files_are_taken_in_when_they_change(mounted: Mounted) -> None:
    """At the start, and again when their contents are others; not when they only have been written anew."""
    taker = Taker(mounted)
    files = ChangingFiles([taker.path], taker)
    files.look()
    mounted.put(word=b"one")
    files.look()
    assert taker.taken == ["one"]
    mounted.put(word=b"two")
    files.look()
    files.look()
    assert taker.taken == ["one", "two"]


def test_what_cannot_be_used_is_told_once_and_changes_nothing(mounted: Mounted) -> None:
    """A broken or missing file leaves what was taken in before; the next good one is taken in."""
    taker = Taker(mounted)
    files = ChangingFiles([taker.path], taker)
    with capture_logs() as logs:
        mounted.put(word=b"broken")
        files.look()
        files.look()
        mounted.put(other=b"")
        files.look()
        files.look()
        mounted.put(word=b"two")
        files.look()
    assert taker.taken == ["one", "two"]
    assert [(line["log_level"], line.get("error", "")[:18]) for line in logs] == [
        ("error", "it is broken"),
        ("error", "[Errno 2] No such "),
        ("info", ""),
    ]


def test_a_file_that_is_tried_again_may_be_good_then(mounted: Mounted) -> None:
    """What failed for another reason than its contents is in use as soon as it works, without another change."""
    taker = Taker(mounted)
    works = False

    def take() -> None:
        if taker.taken and not works:
            raise OSError("too many open files")
        taker()

    files = ChangingFiles([taker.path], take)
    mounted.put(word=b"two")
    files.look()
    works = True
    files.look()
    assert taker.taken == ["one", "two"]


def test_at_the_start_there_is_nothing_to_go_on_with(mounted: Mounted) -> None:
    """A file that cannot be used then is an error."""
    mounted.put(word=b"broken")
    taker = Taker(mounted)
    with pytest.raises(ValueError, match="it is broken"):
        ChangingFiles([taker.path], taker)


async def test_they_are_looked_at_again_and_again(mounted: Mounted, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change is in use without anybody asking for it."""
    monkeypatch.setattr(changing_files, "LOOK_EVERY", 0.01)
    taker = Taker(mounted)
    task = asyncio.create_task(follow([ChangingFiles([taker.path], taker)]))
    taker.took.clear()
    mounted.put(word=b"two")
    await asyncio.wait_for(taker.took.wait(), 10)
    assert taker.taken == ["one", "two"]
    task.cancel()
    await asyncio.wait([task])
