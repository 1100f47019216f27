"""The API against its own OpenAPI document: schemathesis makes requests of it, good and bad, to a real installation."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from daytrader.domain.money import LARGEST_CENTS
from daytrader.web.api.openapi import document
from tests.e2e.installation import running

RICH = "rich"
"""A user with an account, whose commands are not all refused."""

UNASKED = "positive_data_acceptance,missing_required_header"
"""Checks that cannot hold: by the rules most of what is of the schema is refused, and no header is required."""

# Streams have no end, and schemathesis waits for it: `test_streams` holds them against the document.
CONFIG = """
hooks = "tests.web.api.tester"
[[operations]]
include-path = "/batch"
checks.negative_data_rejection.enabled = false # its lines are refused one by one
"""
OF_RICH = f"""
[parameters]
"path.user" = "{RICH}"
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the API of a running embedded installation with one rich user."""
    with running(tmp_path_factory.mktemp("installation")) as installation:
        api = f"{installation.url}/api/v1"
        deposit = json.dumps({"amount_cents": LARGEST_CENTS // 10}).encode()
        headers = {"Content-Type": "application/json"}
        asked = urllib.request.Request(f"{api}/accounts/{RICH}/deposits", deposit, headers)  # noqa: S310  the loopback
        urllib.request.urlopen(asked, timeout=10).close()  # noqa: S310
        yield api


def tried(url: str, described: Path, config: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Try the API at `url` by the document `described`; the status is 0 where all was as it says."""
    file = described.with_name("schemathesis.toml")
    file.write_text(config)
    program = Path(sys.executable).with_name("schemathesis")
    argv = [str(program), "--no-color", "--config-file", str(file), "run", str(described), "--url", url]
    argv += ["--phases", "examples,coverage,fuzzing", "--generation-deterministic"]
    argv += ["--exclude-operation-id-regex", "Stream$"]
    argv += ["--exclude-checks", UNASKED, "--request-timeout", "10", "--suppress-health-check", "all", *options]
    root = Path(__file__).parents[3]
    return subprocess.run(
        argv,
        capture_output=True,
        text=True,
        check=False,
        cwd=described.parent,
        env={**os.environ, "PYTHONPATH": str(root)},
    )


@pytest.mark.parametrize(
    ("config", "options"),
    [(CONFIG, ["--max-examples", "25"]), (CONFIG + OF_RICH, ["--max-examples", "10", "--mode", "positive"])],
    ids=["anybody", "a rich user"],
)
def test_every_answer_is_as_the_document_says(url: str, tmp_path: Path, config: str, options: list[str]) -> None:
    """No 5xx, no status, header or body but as described; what is not of the schema is refused, as is every method."""
    described = tmp_path / "openapi.json"
    described.write_bytes(document())
    done = tried(url, described, config, *options)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr


@pytest.mark.parametrize(
    ("operation", "schema", "field"), [("quote", "Quote", "price_cents"), ("batch", "BatchAnswer", "line")]
)
def test_an_answer_that_is_not_described_is_found(
    url: str, tmp_path: Path, operation: str, schema: str, field: str
) -> None:
    """A document of another API, in which a number is a text, is found out: the test above can fail."""
    other = json.loads(document())
    other["components"]["schemas"][schema]["properties"][field] = {"type": "string"}
    described = tmp_path / "openapi.json"
    described.write_text(json.dumps(other))
    done = tried(url, described, CONFIG + OF_RICH, "--include-operation-id", operation, "--mode", "positive")
    assert done.returncode == 1
    assert "is not of type" in done.stdout
