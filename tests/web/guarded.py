"""A web app that everybody needs a token for, and tokens of each kind."""

from daytrader.auth.identity import Identity
from daytrader.auth.role import Role
from daytrader.auth.sqlite import SqliteAuthStore
from daytrader.auth.token import new_text, stored, stored_for
from tests.web.client import get


class Guarded:
    """A web app behind a guard, and a token of each kind."""

    def __init__(self, port: int, tokens: dict[str, str]) -> None:
        self.port = port
        self._tokens = tokens

    def ask(self, who: str, target: str, *headers: str, method: str = "POST", body: bytes = b"") -> bytes:
        """Return a request that shows the token of `who`."""
        shown = [f"Authorization: Bearer {self._tokens[who]}"] if who else []
        return get(target, *shown, *headers, method=method, body=body)


async def tokens_in(store: SqliteAuthStore) -> dict[str, str]:
    """Make a trader named alice, a broker and an admin, and return their tokens by name."""
    texts = {name: new_text() for name in ("alice", "broker", "admin")}
    alice = Identity(name="alice", role="trader", password="", created=1, changed=1)
    await store.add(alice)
    await store.add_token(stored_for(alice, texts["alice"], "laptop", now=1))
    roles: dict[str, Role] = {"broker": "broker", "admin": "admin"}
    for name, role in roles.items():
        await store.add_token(stored(texts[name], name, role, now=1))
    return texts
