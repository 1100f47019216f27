"""Structured logs, as a program of its own writes them."""

import json
import subprocess
import sys

import msgspec

PROGRAM = """
import logging, structlog
from daytrader.logs import configure
log = structlog.get_logger()
configure("info", "web", "web-0")
log.info("hello", request="w:1", error=ValueError("x"))
log.debug("too fine")
logging.getLogger("somebody").warning("about %s", "x")
logging.getLogger("somebody").info("too fine")
logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("a defect")
"""


def _lines() -> list[dict[str, str]]:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == ""
    return [msgspec.json.decode(line, type=dict[str, str]) for line in done.stderr.splitlines()]


def test_a_line_is_a_json_object() -> None:
    """Every line is JSON on stderr with time, level, service and replica, whoever wrote it; finer levels are not."""
    lines = _lines()
    assert [line["event"] for line in lines] == ["hello", "about x", "a defect"]
    assert [line["level"] for line in lines] == ["info", "warning", "error"]
    assert {(line["service"], line["replica"]) for line in lines} == {("web", "web-0")}
    assert all(line["timestamp"].endswith("Z") for line in lines)
    assert (lines[0]["request"], lines[0]["error"]) == ("w:1", "ValueError('x')")
    assert "ZeroDivisionError: division by zero" in lines[2]["exception"]
    assert json.dumps(lines)
