"""What a page has to say after a form was sent and the browser was sent on: kept in a cookie for that one page."""

import base64
import binascii
from typing import Final

import msgspec

_LONGEST: Final = 1_500
_CSRF: Final = 16


class Told(msgspec.Struct, frozen=True):
    """One outcome in words."""

    text: str
    trouble: bool = False
    """Whether it is bad news."""
    place: str = ""
    """The part of the page that says it; empty: the page as a whole."""
    request: str = ""
    """The id of the command that it is about, for the page to wait until it shows what came of it."""


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    whose: str
    told: Told


def packed(told: Told, csrf: str) -> str:
    """Return what a cookie can hold of it, for the visitor with that `csrf` alone."""
    text = told.text.encode("utf-8", "replace")[:_LONGEST].decode("utf-8", "ignore")
    kept = _Kept(csrf[:_CSRF], msgspec.structs.replace(told, text=text))
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(kept)).decode("ascii")


def unpacked(text: str, csrf: str) -> Told | None:
    """Return what `packed` packed; None where there is nothing, or it is another visitor's."""
    try:
        kept = msgspec.msgpack.decode(base64.urlsafe_b64decode(text), type=_Kept)
    except (msgspec.DecodeError, binascii.Error):
        return None
    return kept.told if kept.whose == csrf[:_CSRF] else None
