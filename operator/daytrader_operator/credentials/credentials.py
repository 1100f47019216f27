"""The credentials of one installation: its Secrets, and the certificate that Redis serves."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

import structlog
from lightkube.resources.core_v1 import Secret

from daytrader_operator.credentials.redis_certificate import RedisCertificate
from daytrader_operator.credentials.secrets import PASSWORD, Secrets
from daytrader_operator.kubernetes import Kubernetes, reference

KIND: Final = "Credentials"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Names:
    """What the installation's objects are called."""

    instance: str
    fullname: str
    namespace: str
    internal_secret: str
    redis_secret: str
    admin_secret: str | None
    """With the first admin's password; None: whoever installed it made one, or none is needed."""
    tokens_secret: str | None
    """Likewise, with the first bearer tokens."""
    redis_tls_secret: str | None
    """None: Redis speaks no TLS."""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """Return the names that the operator's environment tells. Raises KeyError."""
        return cls(
            instance=environment["OPERATOR_INSTANCE"],
            fullname=environment["OPERATOR_FULLNAME"],
            namespace=environment["OPERATOR_NAMESPACE"],
            internal_secret=environment["OPERATOR_INTERNAL_SECRET"],
            redis_secret=environment["OPERATOR_REDIS_SECRET"],
            admin_secret=environment.get("OPERATOR_ADMIN_SECRET") or None,
            tokens_secret=environment.get("OPERATOR_TOKENS_SECRET") or None,
            redis_tls_secret=environment.get("OPERATOR_REDIS_TLS_SECRET") or None,
        )


class Credentials:
    """Keeps the credentials of one installation."""

    def __init__(self, kubernetes: Kubernetes, names: Names, redis: RedisCertificate | None = None) -> None:
        self._kubernetes = kubernetes
        self._names = names
        self._secrets = Secrets(kubernetes, instance=names.instance, owner=f"{names.fullname}-web")
        self._redis = redis or RedisCertificate(host=f"{names.fullname}-redis.{names.namespace}.svc")

    async def keep_secrets(self) -> None:
        """Make what is missing, and carry a rotation on. Raises KubernetesError."""
        await self._secrets.keep_password(self._names.redis_secret)
        await self._secrets.keep_tokens(self._names.internal_secret)
        if self._names.admin_secret is not None:
            await self._secrets.keep_admin_password(self._names.admin_secret)
        if self._names.tokens_secret is not None:
            await self._secrets.keep_bearer_tokens(self._names.tokens_secret)

    async def keep_redis_certificate(self) -> None:
        """Let Redis take the certificate of its TLS Secret. Raises KubernetesError, RedisTlsError."""
        if self._names.redis_tls_secret is None:
            return
        tls = await self._kubernetes.get(Secret, self._names.redis_tls_secret)
        passwords = await self._kubernetes.get(Secret, self._names.redis_secret)
        if tls is None or passwords is None:
            return  # its pod waits for them, too
        took = await self._redis.take(
            wanted=_text(tls, "tls.crt"), ca=_text(tls, "ca.crt"), password=_text(passwords, PASSWORD)
        )
        if took:
            message = "Redis serves the renewed certificate, without a restart"
            _log.info(message, secret=self._names.redis_tls_secret)
            await self._kubernetes.event(reference(tls.to_dict()), "CertificateTaken", message)


def _text(secret: Secret, key: str) -> str:
    return base64.b64decode((secret.data or {}).get(key, "")).decode()
