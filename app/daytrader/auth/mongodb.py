"""Identities and tokens in a MongoDB replica set: in the data set, beside the accounts."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec
from pymongo.errors import PyMongoError

from daytrader.auth.identity import Identity
from daytrader.auth.port import KEY_BYTES, AuthUnavailableError
from daytrader.auth.token import Token
from daytrader.journal.mongodb_errors import DUPLICATE, there_already
from daytrader.mongo import Document, Primary, connect, trust_also

IDENTITIES: Final = "identities"
"""One document an identity, its name as `_id`."""

TOKENS: Final = "tokens"
"""One document a token, its id as `_id`."""

KEYS: Final = "keys"
"""One document a key; there is one."""

_PAGES: Final = "pages"

PURPOSE: Final = "identify"
"""What our connections say they are for. A restore tells them by it from those that read the journal."""


class MongoAuthStore:
    """The store in the database that the path of `uri` names.

    A write is on disk on a majority before it counts. Single reads are linearizable: once a revocation is
    acknowledged, no replica is told that the token is good, not even by a primary that was just replaced.
    """

    def __init__(self, uri: str, ca: str = "") -> None:
        """`ca` is the CA file by which members are verified where the URI says `tls=true`."""
        self._ca = ca
        self._primary = Primary(connect(uri, purpose=PURPOSE, ca=ca))

    async def open(self) -> None:
        """Create the collections where they are missing."""
        with _available():
            for collection in (IDENTITIES, TOKENS, KEYS):
                with there_already():
                    await self._primary.must_write({"create": collection})
            index = {"key": {"identity": 1}, "name": "identity"}
            await self._primary.must_write({"createIndexes": TOKENS, "indexes": [index]})

    async def add(self, identity: Identity, *, again: bool = False) -> bool:
        """Insert it, or let it take the place of a removed one."""
        document = _document(identity, "name")
        if not again:
            return await self._insert(IDENTITIES, document)
        return await self._update(IDENTITIES, {"_id": identity.name, "removed": {"$ne": 0}}, document)

    async def identity(self, name: str) -> Identity | None:
        """Read one by its key."""
        found = await self._one(IDENTITIES, name)
        return None if found is None else _identity(found)

    async def identities(self) -> list[Identity]:
        """Read all of them."""
        return [_identity(found) for found in await self._all(IDENTITIES, {}, {"_id": 1})]

    async def set_password(self, name: str, password: str, at: int) -> bool:
        """Change the password of one that is not removed."""
        change = {"$set": {"password": password, "changed": at}}
        return await self._update(IDENTITIES, {"_id": name, "removed": 0}, change)

    async def remove(self, name: str, at: int) -> bool:
        """Mark it as removed, and forget its password."""
        return await self._update(IDENTITIES, {"_id": name, "removed": 0}, {"$set": {"removed": at, "password": ""}})

    async def add_token(self, token: Token) -> bool:
        """Insert it."""
        return await self._insert(TOKENS, _document(token, "id"))

    async def token(self, token_id: str) -> Token | None:
        """Read one by its key."""
        found = await self._one(TOKENS, token_id)
        return None if found is None else _token(found)

    async def tokens(self, identity: str | None = None) -> list[Token]:
        """Read all of them, or one identity's."""
        which: Document = {"session": {"$ne": True}}
        if identity is not None:
            which["identity"] = identity
        return [_token(found) for found in await self._all(TOKENS, which, {"created": 1, "_id": 1})]

    async def revoke(self, token_id: str, at: int) -> bool:
        """Mark it as revoked."""
        return await self._update(TOKENS, {"_id": token_id, "revoked": 0}, {"$set": {"revoked": at}})

    async def forget_sessions(self, before: int) -> int:
        """Delete them."""
        which = {"session": True, "expires": {"$lt": before}}
        with _available():
            reply = await self._primary.must_write({"delete": TOKENS, "deletes": [{"q": which, "limit": 0}]})
        return int(reply["n"])

    async def key(self) -> bytes:
        """Read it, or insert one where there is none."""
        while (found := await self._one(KEYS, _PAGES)) is None:
            await self._insert(KEYS, {"_id": _PAGES, "value": secrets.token_bytes(KEY_BYTES)})
        return bytes(found["value"])

    def read_ca(self) -> None:
        """Trust what the CA's file holds now, too. Raises OSError."""
        trust_also(self._primary.database, self._ca)

    async def close(self) -> None:
        """Close the connections."""
        await self._primary.database.client.close()

    async def _insert(self, collection: str, document: Document) -> bool:
        with _available():
            reply = await self._primary.must_write({"insert": collection, "documents": [document]}, DUPLICATE)
        return bool(reply["n"] == 1)

    async def _update(self, collection: str, which: Document, change: Document) -> bool:
        with _available():
            reply = await self._primary.must_write({"update": collection, "updates": [{"q": which, "u": change}]})
        return bool(reply["n"] == 1)

    async def _one(self, collection: str, key: str) -> Document | None:
        with _available():
            found = await self._primary.find_confirmed({"find": collection, "filter": {"_id": key}, "limit": 1})
        return found[0] if found else None

    async def _all(self, collection: str, which: Document, order: dict[str, int]) -> list[Document]:
        with _available():
            async with self._primary.cursors(collection) as (found, session):
                return await found.find(which, session=session, sort=order).to_list()


def _document(stored: Identity | Token, key: str) -> Document:
    document: Document = msgspec.structs.asdict(stored)
    document["_id"] = document.pop(key)
    return document


def _identity(found: Document) -> Identity:
    return msgspec.convert({"name": found.pop("_id"), **found}, Identity)


def _token(found: Document) -> Token:
    return msgspec.convert({"id": found.pop("_id"), **found}, Token)


@contextmanager
def _available() -> Iterator[None]:
    try:
        yield
    except PyMongoError as error:
        raise AuthUnavailableError(
            f"the data set did not do what it was asked ({type(error).__name__}: {str(error)[:300]}): "
            "see its members in `daytrader status`"
        ) from error
