"""Files of documents, and the manifest that tells of them."""

import gzip
import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest
from bson import encode

from daytrader.backup import documents, manifest
from daytrader.backup.documents import DocumentFile
from daytrader.backup.manifest import BackupError, FileFacts, Manifest, PartitionFacts
from daytrader.journal.port import Position


async def written(path: Path, *contents: Mapping[str, object]) -> FileFacts:
    """Write documents to a file, two at a time."""
    async with DocumentFile(path) as file:
        for start in range(0, len(contents), 2):
            some = contents[start : start + 2]
            await file.write(b"".join(map(encode, some)), len(some))
    return file.facts()


async def test_documents_are_read_as_they_were_written(tmp_path: Path) -> None:
    """In order; the facts are those of the bytes on disk, which are gzip of BSON, as others read it too."""
    contents: list[Mapping[str, object]] = [{"_id": n, "b": bytes(range(n))} for n in range(7)]
    path = tmp_path / "things.bson.gz"
    facts = await written(path, *contents)
    assert [dict(each) for each in documents.read(path)] == contents
    packed = path.read_bytes()
    assert facts == FileFacts("things.bson.gz", 7, len(packed), hashlib.sha256(packed).hexdigest())
    assert gzip.decompress(packed) == b"".join(map(encode, contents))
    documents.check(tmp_path, facts, lambda _: None)


async def test_a_file_without_documents_is_one_too(tmp_path: Path) -> None:
    """An installation in which nobody has traded has no accounts."""
    facts = await written(tmp_path / "none.bson.gz")
    assert facts.documents == 0
    assert list(documents.read(tmp_path / "none.bson.gz")) == []


async def test_a_flipped_bit_anywhere_is_found(tmp_path: Path) -> None:
    """The file is named."""
    path = tmp_path / "things.bson.gz"
    facts = await written(path, *({"_id": n} for n in range(20)))
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(BackupError, match=r"things\.bson\.gz is damaged"):
            documents.check(tmp_path, facts, lambda _: None)


async def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """So is one that was cut off."""
    path = tmp_path / "things.bson.gz"
    facts = await written(path, {"_id": 1})
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BackupError, match=r"things\.bson\.gz is damaged"):
        documents.check(tmp_path, facts, lambda _: None)
    path.unlink()
    with pytest.raises(BackupError, match=r"things\.bson\.gz cannot be read"):
        documents.check(tmp_path, facts, lambda _: None)


MANIFEST = Manifest(
    build="1.2.3",
    began=1_767_323_045_678,
    finished=1_767_323_046_000,
    partitions=(PartitionFacts(Position(3, 40, 1_767_323_045_000), 2, 5, 4),),
    files=(FileFacts("things.bson.gz", 1, 2, "3"), FileFacts("others.bson.gz", 3, 5, "7")),
)


def test_the_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    """With the sums that one asks of it."""
    manifest.write(tmp_path, MANIFEST)
    assert manifest.read(tmp_path) == MANIFEST
    assert (MANIFEST.size, MANIFEST.documents("others.bson.gz")) == (7, 3)


def test_a_changed_manifest_is_refused(tmp_path: Path) -> None:
    """Its own checksum stands beside it, as `sha256sum` writes it."""
    manifest.write(tmp_path, MANIFEST)
    for name in (manifest.MANIFEST, manifest.MANIFEST_SUM):
        path = tmp_path / name
        whole = path.read_bytes()
        path.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
        with pytest.raises(BackupError, match=r"manifest\.json is not what was written"):
            manifest.read(tmp_path)
        path.write_bytes(whole)
    assert (tmp_path / manifest.MANIFEST_SUM).read_text().endswith("  manifest.json\n")


def test_a_directory_without_a_manifest_is_no_backup(tmp_path: Path) -> None:
    """It says what to give instead."""
    with pytest.raises(BackupError, match="is no whole backup"):
        manifest.read(tmp_path)


def test_another_format_is_refused_by_its_number(tmp_path: Path) -> None:
    """A later build's backup is not taken for one of this build."""
    packed = b'{"format": 2, "what": "nobody knows yet"}'
    (tmp_path / manifest.MANIFEST).write_bytes(packed)
    (tmp_path / manifest.MANIFEST_SUM).write_text(f"{hashlib.sha256(packed).hexdigest()}  manifest.json\n")
    with pytest.raises(BackupError, match="has format 2, and this build reads format 1"):
        manifest.read(tmp_path)
