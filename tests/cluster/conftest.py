"""What is here needs a cluster or its programs, so it is collected only where somebody asks for it by its path."""

from pathlib import Path
from typing import Final

import pytest

HERE: Final = Path(__file__).parent


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave the directory alone unless it, or something in it, is an argument of the run."""
    asked_for = (Path(argument.partition("::")[0]).resolve() for argument in config.args)
    return None if any(path.is_relative_to(HERE) for path in asked_for) else True
