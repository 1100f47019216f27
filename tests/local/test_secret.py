"""Secrets in files."""

from pathlib import Path

from daytrader.local.secret import kept_secret, write_private


def test_a_secret_is_kept(tmp_path: Path) -> None:
    """The first call makes it, the next ones give the same."""
    made = kept_secret(tmp_path / "new" / "secret")
    assert kept_secret(tmp_path / "new" / "secret") == made


def test_secrets_differ(tmp_path: Path) -> None:
    """Two files hold two secrets, of 64 hexadecimal digits each."""
    one, other = kept_secret(tmp_path / "one"), kept_secret(tmp_path / "other")
    assert one != other
    assert {len(bytes.fromhex(one)), len(bytes.fromhex(other))} == {32}


def test_only_the_owner_reads_it(tmp_path: Path) -> None:
    """The file's mode is 0600 and nothing else is left in the directory, also when it is written over."""
    write_private(tmp_path / "secret", "one")
    write_private(tmp_path / "secret", "other")
    assert [(path.name, path.stat().st_mode & 0o777, path.read_text()) for path in tmp_path.iterdir()] == [
        ("secret", 0o600, "other")
    ]
