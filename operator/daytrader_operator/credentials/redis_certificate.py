"""Redis takes a renewed certificate without a restart: it is told to read its files again.

Whether it has is seen by a handshake: what counts is the certificate that it serves, not what was asked of it. So
nothing needs to be remembered, and how long a kubelet takes to bring the files is of no matter.
"""

import asyncio
import ssl
from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

PORT: Final = 6379

_TIMEOUT_S: Final = 5.0
_FILE: Final = "tls-cert-file"


class RedisTlsError(Exception):
    """Redis cannot be looked at, or does not take its files; the text says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class RedisCertificate:
    """The certificate of one Redis."""

    host: str
    port: int = PORT

    async def take(self, *, wanted: str, ca: str, password: str) -> bool:
        """Let Redis read its files again unless it serves `wanted` already; return whether it took it just now.

        `wanted` and `ca` are PEM; the first certificate of `wanted` is the server's own. False where the new files have
        not reached Redis yet, too: try again later. Raises RedisTlsError.
        """
        certificate = _first(wanted, "tls.crt")
        _first(ca, "ca.crt")  # with nothing in it, the system's CAs would be trusted instead
        try:
            context = ssl.create_default_context(cadata=ca)
        except ssl.SSLError as error:
            raise RedisTlsError(f"ca.crt of Redis' TLS Secret is no certificate: {error}") from error
        if await self._served(context) == certificate:
            return False
        await self._read_again(ca, password)
        return await self._served(context) == certificate

    async def _served(self, context: ssl.SSLContext) -> bytes | None:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                _, writer = await asyncio.open_connection(self.host, self.port, ssl=context)
        except ssl.SSLCertVerificationError as error:
            raise RedisTlsError(
                f"the certificate that Redis at {self.host} serves does not pass under ca.crt of its Secret "
                f"({error.verify_message}): where the CA was changed or the certificate has expired, restart Redis"
            ) from error
        except OSError as error:
            raise RedisTlsError(
                f"Redis at {self.host}:{self.port} cannot be reached: {error or 'no answer'}"
            ) from error
        try:
            found: bytes | None = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            return found
        finally:
            writer.close()

    async def _read_again(self, ca: str, password: str) -> None:
        client = Redis(
            host=self.host,
            port=self.port,
            password=password,
            ssl=True,
            ssl_ca_data=ca,
            socket_timeout=_TIMEOUT_S,
            socket_connect_timeout=_TIMEOUT_S,
        )
        try:
            path = (await client.config_get(_FILE))[_FILE] or ""
            # Certificate, key and CA are all read again, under whichever of their names is set.
            await client.config_set(_FILE, path)
        except (RedisError, KeyError, OSError) as error:
            raise RedisTlsError(f"Redis at {self.host} does not read its certificate again: {error}") from error
        finally:
            await client.aclose()


def _first(pem: str, key: str) -> bytes:
    """Return the first certificate in what a Secret holds under `key`, as DER. Raises RedisTlsError."""
    begin, end = pem.find(ssl.PEM_HEADER), pem.find(ssl.PEM_FOOTER)
    if begin < 0 or end < begin:
        raise RedisTlsError(f"{key} of Redis' TLS Secret holds no certificate in PEM: renew the Secret")
    return ssl.PEM_cert_to_DER_cert(pem[begin : end + len(ssl.PEM_FOOTER)])
