"""The installation into which a backup is restored: empty, used by nobody, and closed until the restore is over."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Final

from daytrader.audit.mongodb import ENTRIES as AUDIT_ENTRIES
from daytrader.audit.mongodb import INSTALLATION as AUDIT_INSTALLATION
from daytrader.audit.mongodb import PAGES
from daytrader.auth.mongodb import PURPOSE as IDENTIFYING
from daytrader.backup.manifest import BackupError
from daytrader.backup.reading import AGAIN_EVERY, persist
from daytrader.clock import boot_seconds
from daytrader.journal.accounts_mongodb import ACCOUNTS, CHECKPOINTS, MongoAccounts
from daytrader.journal.mongodb import ENTRIES, INSTALLATION, POSITIONS, RESTORING
from daytrader.journal.mongodb_errors import DUPLICATE, there_already
from daytrader.mongo import Document, Primary, application

STOPPED_WITHIN: Final = 60.0
"""Seconds that services which are being stopped may take to let go of the sets."""

_DATA: Final = (ENTRIES, ACCOUNTS, CHECKPOINTS, POSITIONS)
_AUDIT: Final = (AUDIT_ENTRIES, PAGES)


class Target:
    """The databases to restore into. All methods raise BackupError, where a set is away for too long too."""

    def __init__(self, data: Primary, audit: Primary, purpose: str) -> None:
        """`purpose` is the one of these two connections, and of no others."""
        self.data = data
        self.audit = audit
        self._purpose = purpose

    async def close(self, backup: str) -> None:
        """Let no service open the journal from now on, until `open`, and see that none has it open.

        Raises BackupError, and leaves everything as it was, where something is stored that no broken-off restore left,
        where another restore begins just now, or where a service is still connected after `STOPPED_WITHIN`.
        """
        found = await self._sign()
        if not found:
            await self._must_be_empty()
            document = {"_id": RESTORING, "backup": backup, "by": self._purpose}
            # What is there already may be our own: an answer may have been lost.
            await _write(self.data, {"insert": INSTALLATION, "documents": [document]}, DUPLICATE)
            if [sign.get("by") for sign in await self._sign()] != [self._purpose]:
                raise BackupError("another restore into this installation has just begun: wait for its end")
        try:
            await self._must_be_left()
            if not found:
                await self._must_be_empty()  # a service may have stored something until it was stopped
        except BackupError:
            if not found:
                await self._remove_sign()
            raise

    async def open(self, partitions: int) -> None:
        """Fix the number of partitions, and let services in."""
        fixed = {"q": {"_id": "partitions"}, "u": {"number": partitions}, "upsert": True}
        await _write(self.audit, {"update": AUDIT_INSTALLATION, "updates": [fixed]})
        await _write(self.data, {"update": INSTALLATION, "updates": [fixed]})
        await self._remove_sign()

    async def empty(self) -> None:
        """Drop what a restore that was broken off has left, and prepare the collections."""
        for primary, collections in ((self.data, _DATA), (self.audit, _AUDIT)):
            for collection in collections:
                await _write(primary, {"drop": collection})
                await _write(primary, {"create": collection})
        await persist("preparing the accounts", MongoAccounts(self.data).prepare)

    async def _sign(self) -> list[Document]:
        """Return the sign of a restore, if there is one."""
        return await _find(self.data, {"find": INSTALLATION, "filter": {"_id": RESTORING}})

    async def _remove_sign(self) -> None:
        await _write(self.data, {"delete": INSTALLATION, "deletes": [{"q": {"_id": RESTORING}, "limit": 1}]})

    async def _must_be_empty(self) -> None:
        for primary, collections in ((self.data, _DATA), (self.audit, _AUDIT)):
            for collection in collections:
                if await _find(primary, {"find": collection, "limit": 1, "projection": {"_id": 1}}):
                    raise BackupError(
                        f"this installation is not empty: its collection {collection} holds something; a backup is "
                        "restored into a new installation, or into one that was emptied"
                    )

    async def _must_be_left(self) -> None:
        until = boot_seconds() + STOPPED_WITHIN
        while there := {"data": await self._others(self.data), "audit": await self._others(self.audit)}:
            if not any(there.values()):
                return
            if boot_seconds() >= until:
                which = "; ".join(f"the {name} set: {', '.join(sorted(who))}" for name, who in there.items() if who)
                raise BackupError(f"the transaction and audit services must be stopped first, connected are to {which}")
            await asyncio.sleep(AGAIN_EVERY)

    async def _others(self, primary: Primary) -> set[str]:
        """Return the addresses of the programs of ours that use the database, but for this one.

        Those that look up identities and tokens read nothing of what is restored.
        """
        database = primary.database.name
        ours = f"^{re.escape(application(database, '@')).replace('@', '[^ ]+')}$"
        harmless = [application(database, self._purpose), application(database, IDENTIFYING)]
        pipeline = [
            {"$currentOp": {"allUsers": False, "idleConnections": True}},
            {"$match": {"appName": {"$regex": ours, "$nin": harmless}}},
        ]
        command = {"aggregate": 1, "pipeline": pipeline, "cursor": {}}
        reply = await persist("asking who is connected", lambda: primary.database.client.admin.command(command))
        return {f"{found['client']} ({found['appName'].split()[1]})" for found in reply["cursor"]["firstBatch"]}


async def _find(primary: Primary, command: Document) -> list[Document]:
    return await persist("asking", lambda: primary.find_confirmed(command))


async def _write(primary: Primary, command: Mapping[str, Any], allowed: frozenset[int] = frozenset()) -> None:
    """Write until it is durable. A collection to drop may be gone already, and one to create be there."""

    async def once() -> None:
        with there_already():
            await primary.must_write(command, allowed)

    await persist(f"preparing {next(iter(command.values()))}", once)
