"""Identities and tokens as a web replica uses them."""

import asyncio
from pathlib import Path

import pytest

from daytrader.auth import service as module
from daytrader.auth.guard import AWAY
from daytrader.auth.role import Caller
from daytrader.auth.service import AuthService
from daytrader.auth.sqlite import SqliteAuthStore
from daytrader.auth.token import SESSION_MS, new_text, session_for
from daytrader.settings import Settings
from tests.auth.conftest import Hand, identity

TEXT = new_text()
ADMINS = new_text()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings that name the files of the first admin and tokens, as an editor leaves them: with a line's end."""
    (tmp_path / "admin").write_text("the first password\n")
    (tmp_path / "broker").write_text(f"{TEXT}\n")
    (tmp_path / "admin-token").write_text(f"{ADMINS}\n")
    return Settings(
        auth_mode="required",
        auth_admin_password_file=str(tmp_path / "admin"),
        auth_broker_token_file=str(tmp_path / "broker"),
        auth_admin_token_file=str(tmp_path / "admin-token"),
    )


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without waiting between two tries."""
    monkeypatch.setattr(module, "AGAIN_EVERY", 0.0)


@pytest.mark.usefixtures("quickly")
async def test_a_store_that_comes_late_is_waited_for(tmp_path: Path, settings: Settings, clock: Hand) -> None:
    """Until it is there tokens are answered 503; then the first admin and tokens are made, and these are good."""
    directory = tmp_path / "late"
    store = SqliteAuthStore(directory / "identities.sqlite")
    service = AuthService(settings, store, clock)
    running = asyncio.create_task(service.run())
    assert await service.guard.caller(f"Bearer {TEXT}".encode()) == AWAY
    assert not running.done()
    assert service.waits_for() == "identities and tokens cannot be had yet"
    directory.mkdir()
    await asyncio.wait_for(running, 20)
    assert not service.waits_for()
    assert await service.guard.caller(f"Bearer {TEXT}".encode()) == Caller("first broker", "broker")
    assert await service.guard.caller(f"Bearer {ADMINS}".encode()) == Caller("first admin", "admin")
    assert [identity.name for identity in await store.identities()] == ["admin"]
    await service.close()


async def test_a_file_of_another_text_is_an_error(tmp_path: Path, settings: Settings, clock: Hand) -> None:
    """A service whose first token is none, or whose files are missing, does not come up as if all were well."""
    (tmp_path / "broker").write_text("secret")
    service = AuthService(settings, SqliteAuthStore(tmp_path / "x.sqlite"), clock)
    with pytest.raises(ValueError, match="this is no token"):
        await service.run()
    await service.close()
    (tmp_path / "admin").unlink()
    with pytest.raises(FileNotFoundError):
        AuthService(settings, SqliteAuthStore(tmp_path / "y.sqlite"), clock)


async def test_without_files_nobody_is_made(tmp_path: Path, clock: Hand) -> None:
    """Whoever makes identities and tokens by the command line needs no first ones."""
    store = SqliteAuthStore(tmp_path / "x.sqlite")
    service = AuthService(Settings(auth_mode="required", data_dir=str(tmp_path)), store, clock)
    await service.run()
    assert (await store.identities(), await store.tokens()) == ([], [])
    await service.close()


async def test_expired_sessions_are_deleted_when_it_starts(tmp_path: Path, clock: Hand) -> None:
    """And there is a key from then on, the same after a restart."""
    store = SqliteAuthStore(tmp_path / "x.sqlite")
    await store.open()
    old = session_for(identity("bob"), new_text(), now=clock.now - SESSION_MS - 1)
    await store.add_token(old)
    settings = Settings(auth_mode="required", data_dir=str(tmp_path))
    keys = []
    for _ in range(2):
        service = AuthService(settings, SqliteAuthStore(tmp_path / "x.sqlite"), clock)
        assert service.key == b""
        await service.run()
        keys.append(service.key)
        async with asyncio.timeout(20):
            while await store.token(old.id) is not None:  # noqa: ASYNC110  the service deletes it
                await asyncio.sleep(0)
        await service.close()
    assert keys[0] == keys[1]
    assert len(keys[0]) == 32
    await store.close()
