"""Who looks at pages, as the settings say: whoever signed in, or everybody."""

import hashlib

from daytrader.auth.service import AuthService
from daytrader.settings import Settings, networks
from daytrader.web.page.proxies import Proxies
from daytrader.web.page.visitor import Visitors


def visitors_of(settings: Settings, auth: AuthService | None, credential: str) -> Visitors:
    """Return what tells who looks at a page.

    In open mode there is no store that keeps a key: it comes from the services' `credential`, so that the replicas of
    an installation take each other's forms.
    """
    proxies = Proxies(networks(settings.trusted_proxies), secure=settings.secure_cookies)
    if auth is None:
        key = hashlib.blake2b(credential.encode(), digest_size=32, person=b"daytrader pages").digest()
        return Visitors(lambda: key, None, proxies)
    return Visitors(lambda: auth.key, auth.guard, proxies)
