"""The connections of a web replica to the other services."""

import asyncio
from dataclasses import dataclass

from daytrader.membership import server_name
from daytrader.session import InternalSession, ProbeSession
from daytrader.settings import Settings
from daytrader.trust import Trust


@dataclass(frozen=True)
class Sessions:
    """One kind of service each."""

    transactions: InternalSession
    audit: InternalSession
    webs: ProbeSession
    """Their certificate is for clients, whatever CA that is of: among each other they are only asked whether they are
    ready."""

    @classmethod
    def of(cls, settings: Settings, trust: Trust) -> "Sessions":
        """Return those of an installation. Raises ValueError where the setting `transaction_dns` is no HOST:PORT."""
        return cls(trust.session(server_name(settings.transaction_dns)), trust.session(), ProbeSession())

    async def close(self) -> None:
        """Close all connections."""
        await asyncio.gather(self.transactions.close(), self.audit.close(), self.webs.close())
