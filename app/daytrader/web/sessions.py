"""The connections of a web replica to the other services."""

import asyncio
from dataclasses import dataclass

from daytrader.membership import server_name
from daytrader.session import InternalSession
from daytrader.settings import Settings
from daytrader.trust import Trust


@dataclass(frozen=True)
class Sessions:
    """One kind of service each."""

    transactions: InternalSession
    webs: InternalSession
    audit: InternalSession

    @classmethod
    def of(cls, settings: Settings, trust: Trust) -> "Sessions":
        """Return those of an installation. Raises ValueError where a name of a Service is no HOST:PORT."""
        transactions, webs = server_name(settings.transaction_dns), server_name(settings.web_dns)
        return cls(trust.session(transactions), trust.session(webs), trust.session())

    async def close(self) -> None:
        """Close all connections."""
        await asyncio.gather(self.transactions.close(), self.webs.close(), self.audit.close())
