"""An installation where everybody needs a token, as those who run it and use it meet it."""

import asyncio
import os
import re
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.installation import Installation, running

MODES = [
    pytest.param([], marks=pytest.mark.xdist_group("embedded")),
    pytest.param(["--cluster", "2"], marks=[pytest.mark.xdist_group("cluster"), pytest.mark.long]),
]


async def daytrader(*arguments: str, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run `daytrader`, and return exit status and both outputs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "daytrader", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, **(env or {})},
    )
    async with asyncio.timeout(90):
        out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()


def place(installation: Installation) -> Mapping[str, str]:
    """Where `up` said that more tokens are made: what stands in the environment for it."""
    found = re.search(r"DAYTRADER_DATA_URI='([^']+)'", (installation.directory / "up.log").read_text())
    return {"DAYTRADER_DATA_URI": found[1]} if found else {}


@pytest.mark.parametrize("options", MODES)
async def test_a_first_day_with_tokens(tmp_path: Path, options: list[str]) -> None:
    """What `up` made lets clients work at once; an admin's token, made beside it, reads the log; and is revoked."""
    with running(tmp_path, "--auth", "required", *options) as installation:
        kept = tmp_path / "data" / ("cluster" if options else "embedded")
        for file in ("admin-password", "broker-token"):
            assert stat.S_IMODE((kept / file).stat().st_mode) == 0o600
        words = (tmp_path / "up.log").read_text()
        assert str(kept / "broker-token") in words
        assert f"people sign up at {installation.url}/sign-up" in words
        assert str(kept / "admin-password") in words
        assert "daytrader token create NAME --role admin" in words
        url = ["--url", installation.url]
        broker = {"DAYTRADER_TOKEN_FILE": str(kept / "broker-token")}
        day = str(tmp_path / "day.txt")
        assert (await daytrader("workload", "make", "--users", "5", "--commands", "200", "-o", day))[0] == 0

        assert (await daytrader("smoke", *url))[0] == 1
        for client in (("smoke",), ("workload", "run", day), ("workload", "run", day, "--processes", "2")):
            status, says = await daytrader(*client, *url, env=broker)
            assert status == 0, says
        assert (await daytrader("workload", "run", day, *url))[0] == 1
        denied, says = await daytrader("status", *url, env=broker)
        assert (denied, "answered 403" in says) == (1, True)

        token, log = tmp_path / "admin-token", str(tmp_path / "log.xml")
        data = ["--data", str(tmp_path / "data")]
        made, says = await daytrader(
            *("token", "create", "ops", "--role", "admin", "-o", str(token), *data), env=place(installation)
        )
        assert made == 0, says
        admin = {"DAYTRADER_TOKEN": token.read_text().strip()}
        summary = str(tmp_path / "summary.json")
        job = ("workload", "job", "--users", "3", "--commands", "100", "--seed", "2", "--summary", summary)
        for command in (
            ("status", *url),
            ("workload", "run", day, *url, "--dump", log),
            ("verify", log, *url),
            (*job, *url),
        ):
            status, says = await daytrader(*command, env=admin)
            assert status == 0, says

        token_id = token.read_text().split("_")[1]
        assert (await daytrader("token", "revoke", token_id, *data, env=place(installation)))[0] == 0
        headers = {"Authorization": f"Bearer {admin['DAYTRADER_TOKEN']}"}
        async with asyncio.timeout(10):  # each web replica may remember it for 5 s
            denied = 0
            while denied < 20:
                # A connection of its own for each, so that every replica is met.
                async with (
                    aiohttp.ClientSession(headers=headers) as session,
                    session.get(f"{installation.url}/health") as answer,
                ):
                    denied = denied + 1 if answer.status == 401 else 0
        assert "answered 401" in (await daytrader("status", *url, env=admin))[1]


@pytest.mark.xdist_group("embedded")
async def test_a_restart_keeps_tokens_and_a_reset_too(tmp_path: Path) -> None:
    """The first token is the same and good, after both; what was revoked stays so."""
    file = tmp_path / "data" / "embedded" / "broker-token"
    broker = {"DAYTRADER_TOKEN_FILE": str(file)}
    with running(tmp_path, "--auth", "required"):
        text = file.read_text()
    with running(tmp_path, "--auth", "required") as again:
        assert file.read_text() == text
        assert (await daytrader("smoke", "--url", again.url, env=broker))[0] == 0
        data = ["--data", str(tmp_path / "data")]
        assert (await daytrader("reset", "--yes", *data))[0] == 0
        assert (await daytrader("smoke", "--url", again.url, env=broker))[0] == 0
        assert (await daytrader("token", "revoke", text.split("_")[1], *data))[0] == 0
    with running(tmp_path, "--auth", "required") as last:
        assert (await daytrader("smoke", "--url", last.url, env=broker))[0] == 1


@pytest.mark.xdist_group("embedded")
async def test_an_open_installation_says_so(tmp_path: Path) -> None:
    """It is the default, and whoever starts it reads what that means; it makes no credentials."""
    with running(tmp_path) as installation:
        assert "trades as any user, without a token" in (tmp_path / "up.log").read_text()
        assert (await installation.command("ADD", userid="bob", amount="1.00"))[0] == 200
    assert not (tmp_path / "data" / "embedded" / "broker-token").exists()
