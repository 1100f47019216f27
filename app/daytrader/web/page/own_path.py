"""Where to go on after signing in: to a page of ours, never to another site's."""

import re
from typing import Final

HOME: Final = "/trade"

_is_path: Final = re.compile(r"/(?!/)[!-\[\]-~]{0,1000}", re.ASCII).fullmatch  # printable, no space, no backslash


def own_path(text: str) -> str:
    """Return `text` where it is a path of this host, else the first page."""
    return text if _is_path(text) else HOME
