"""Every page that there is, and who can see it: what the tests of accessibility and the pictures go through."""

from typing import Final, Literal

import msgspec

Who = Literal["nobody", "trader", "admin"]


class Place(msgspec.Struct, frozen=True):
    """One page."""

    name: str
    path: str
    who: Who = "nobody"


TRADER: Final = "tess"
"""The trader whose account the pages show, with some trading behind it."""

PLACES: Final = (
    Place("first", "/"),
    Place("sign-up", "/sign-up"),
    Place("sign-in", "/sign-in"),
    Place("trade", f"/trade/{TRADER}", "trader"),
    Place("quote", f"/trade/{TRADER}?symbol=ABC", "trader"),
    Place("history", f"/history/{TRADER}", "trader"),
    Place("history-filtered", f"/history/{TRADER}?kind=BUY&outcome=refused", "trader"),
    Place("password", "/password", "trader"),
    Place("tokens", "/tokens", "trader"),
    Place("sign-out", "/sign-out", "trader"),
    Place("not-found", "/nothing", "trader"),
    Place("choose", "/trade", "admin"),
    Place("workloads", "/workloads", "admin"),
    Place("operations", "/operations", "admin"),
    Place("users", "/users", "admin"),
    Place("api", "/api/v1/docs"),
)
