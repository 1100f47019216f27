"""The Secrets of an installation: internal tokens, Redis' password, and what one signs in and trades with first."""

import base64
import secrets
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

import structlog
from lightkube.models.meta_v1 import ObjectMeta, OwnerReference
from lightkube.resources.core_v1 import Secret, Service

from daytrader.auth.token import new_text
from daytrader_operator.credentials.plan import Change, next_change
from daytrader_operator.kubernetes import Kubernetes, reference

TOKENS: Final = "tokens"
PASSWORD: Final = "password"  # noqa: S105  the key's name
BROKER: Final = "broker"
ADMIN: Final = "admin"
"""The keys of bearer tokens."""

_log = structlog.get_logger(__name__)


def new_secret() -> str:
    """Return a token or password that nobody can guess: 64 characters that need no quoting anywhere.

    Hexadecimal, for a password that begins with two dashes would be an option to redis-server.
    """
    return secrets.token_hex(32)


def new_password() -> str:
    """Return a password that nobody can guess and somebody can type: 32 hexadecimal digits."""
    return secrets.token_hex(16)


class Secrets:
    """Makes the Secrets, and carries rotations on."""

    def __init__(
        self,
        kubernetes: Kubernetes,
        *,
        instance: str,
        owner: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        make: Callable[[], str] = new_secret,
    ) -> None:
        """`owner` is the Service that owns what is good for nothing without it: an uninstall takes that along."""
        self._kubernetes = kubernetes
        self._instance = instance
        self._owner = owner
        self._now = now
        self._make = make

    async def keep_password(self, name: str) -> None:
        """Make the Secret with Redis' password, where it is missing. Raises KubernetesError."""
        secret = await self._kubernetes.get(Secret, name)
        if secret is None:
            await self._create(name, {PASSWORD: self._make()})
        else:
            await self._adopt(secret)

    async def keep_tokens(self, name: str) -> None:
        """Make the Secret with the internal tokens, or take the next step of its rotation. Raises KubernetesError."""
        secret = await self._kubernetes.get(Secret, name)
        if secret is None:
            await self._create(name, {TOKENS: _lines((self._make(),))})
            return
        if await self._adopt(secret):
            return  # it is another one now; the next pass looks at it
        metadata = secret.metadata or ObjectMeta()
        text = base64.b64decode((secret.data or {}).get(TOKENS, "")).decode()
        change = next_change(
            text.split(), metadata.annotations or {}, new_token=self._make(), now=self._now().replace(microsecond=0)
        )
        if change is not None:
            await self._change(secret, change)

    async def keep_admin_password(self, name: str) -> None:
        """Make the Secret with the first admin's password, where it is missing. Raises KubernetesError.

        It stays when the installation goes, as the next one does: the identities in the volumes stay, too, and an
        installation that comes back over them takes no other password.
        """
        if await self._kubernetes.get(Secret, name) is None:
            await self._create(name, {PASSWORD: new_password()}, stays=True)

    async def keep_bearer_tokens(self, name: str) -> None:
        """Make the Secret with a broker's and an admin's token, where it is missing. Raises KubernetesError."""
        if await self._kubernetes.get(Secret, name) is None:
            await self._create(name, {BROKER: new_text(), ADMIN: new_text()}, stays=True)

    async def _create(self, name: str, texts: Mapping[str, str], *, stays: bool = False) -> None:
        owner = await self._reference()
        if owner is None:
            _log.warning(
                "a Secret is not made yet: the installation's Service is not there", secret=name, service=self._owner
            )
            return
        labels = {
            "app.kubernetes.io/name": "daytrader",
            "app.kubernetes.io/instance": self._instance,
            "app.kubernetes.io/part-of": "daytrader",
            "app.kubernetes.io/managed-by": "daytrader-operator",
        }
        wanted = Secret(
            metadata=ObjectMeta(
                name=name,
                namespace=self._kubernetes.namespace,
                labels=labels,
                ownerReferences=None if stays else [owner],
            ),
            type="Opaque",
            data={key: _encoded(text) for key, text in texts.items()},
        )
        if await self._kubernetes.create(wanted):
            _log.info("made a Secret", secret=name)

    async def _adopt(self, secret: Secret) -> bool:
        """Own what an earlier installation of this name has left, and return whether there was something to do.

        Its owner is gone, so the garbage collector is about to take it. But Redis or services may have begun with it:
        they would know other passwords than those that start later.
        """
        metadata = secret.metadata or ObjectMeta()
        before = [
            each.uid for each in metadata.ownerReferences or [] if (each.kind, each.name) == ("Service", self._owner)
        ]
        owner = await self._reference() if before else None
        if owner is None or before == [owner.uid]:
            return False
        name = str(metadata.name)
        change = {"resourceVersion": metadata.resourceVersion, "ownerReferences": [owner.to_dict()]}
        await self._kubernetes.patch(Secret, name, {"metadata": change})
        _log.info("adopted a Secret that an earlier installation has left", secret=name)
        return True

    async def _reference(self) -> OwnerReference | None:
        service = await self._kubernetes.get(Service, self._owner)
        if service is None or service.metadata is None or service.metadata.uid is None:
            return None
        return OwnerReference(apiVersion="v1", kind="Service", name=self._owner, uid=service.metadata.uid)

    async def _change(self, secret: Secret, change: Change) -> None:
        metadata = secret.metadata or ObjectMeta()
        name = str(metadata.name)
        await self._kubernetes.patch(
            Secret,
            name,
            {
                # Refused where somebody else has changed it meanwhile; the next pass looks again.
                "metadata": {"resourceVersion": metadata.resourceVersion, "annotations": dict(change.annotations)},
                "data": {TOKENS: _encoded(_lines(change.tokens))},
            },
        )
        _log.info("changed a Secret", secret=name, step=change.reason)
        await self._kubernetes.event(reference(secret.to_dict()), change.reason, change.message)


def _lines(tokens: Iterable[str]) -> str:
    return "".join(f"{token}\n" for token in tokens)


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
