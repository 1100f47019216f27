"""A whole installation for the tests of the API: the embedded mode, in this process, on a real port."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from daytrader.local.embedded import Embedded
from daytrader.local.mock_quotes import MockQuotes
from daytrader.local.ports import free_port


@pytest.fixture
async def installation(tmp_path: Path) -> AsyncIterator[int]:
    """The port of an embedded installation; each quote is 5.00, and triggers are evaluated once an hour."""
    port = free_port()
    embedded = Embedded(tmp_path, port, MockQuotes(), {"DAYTRADER_TRIGGERS_INTERVAL_MS": "3600000"})
    await embedded.start()
    yield port
    await embedded.stop()
