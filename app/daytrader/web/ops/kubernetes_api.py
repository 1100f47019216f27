"""The API of Kubernetes, asked by a pod with the token of its own service account."""

import asyncio
import os
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeVar

import aiohttp
import msgspec

from daytrader.web.ops.breaking import BreakageError

ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where Kubernetes puts `token`, `ca.crt` and `namespace`. It replaces the token when it is about to expire."""

TIMEOUT_S: Final = 5.0
"""Seconds for one request: the page waits for it."""

_MERGE: Final = "application/merge-patch+json"

_Told = TypeVar("_Told")


class ApiError(BreakageError):
    """The API server did not do it; the message says what, and why not."""

    def __init__(self, message: str, status: int = 0) -> None:
        """`status` is that of the answer, 0: there was none."""
        super().__init__(message)
        self.status = status


class _Account(msgspec.Struct, frozen=True):
    token: str
    namespace: str
    tls: ssl.SSLContext


class KubernetesApi:
    """Objects in the pod's own namespace. Every request reads the account's files and opens a connection of its own."""

    def __init__(self, account: Path = ACCOUNT, environ: Mapping[str, str] = os.environ) -> None:
        """`environ` tells where the API server is, as Kubernetes tells it to every container."""
        self._account = account
        self._environ = environ

    async def get(self, prefix: str, resource: str, kind: type[_Told], **query: str) -> _Told:
        """Return an object or a list: `resource` (pods, configmaps/NAME) below `prefix` (api/v1). Raises ApiError."""
        body = await self._ask("GET", prefix, resource, query=query)
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.DecodeError as error:
            raise ApiError(f"what the API server says of {resource} cannot be read: {error}") from error

    async def delete_pod(self, name: str, uid: str, grace_s: int | None = None) -> None:
        """Delete a pod if it still is the one with that `uid`.

        `grace_s` is how many seconds its processes have to end, None: as many as the pod says. Raises ApiError, with
        the status 404 or 409 where the pod is gone or another one has its name.
        """
        options: dict[str, object] = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": uid}}
        if grace_s is not None:
            options["gracePeriodSeconds"] = grace_s
        await self._ask("DELETE", "api/v1", f"pods/{name}", options)

    async def merge(self, prefix: str, resource: str, change: Mapping[str, object]) -> None:
        """Merge a change into an object. Raises ApiError, with the status 409 where it names an old resourceVersion."""
        await self._ask("PATCH", prefix, resource, change, content=_MERGE)

    async def _ask(
        self,
        method: str,
        prefix: str,
        resource: str,
        body: Mapping[str, object] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        content: str = "application/json",
    ) -> bytes:
        account = await asyncio.to_thread(self._read_account)
        url = f"{self._server()}/{prefix}/namespaces/{account.namespace}/{resource}"
        headers = {"Authorization": f"Bearer {account.token}", "Content-Type": content, "Accept": "application/json"}
        try:
            async with (
                aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(ssl=account.tls, force_close=True),
                    timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
                    cookie_jar=aiohttp.DummyCookieJar(),
                ) as session,
                session.request(
                    method,
                    url,
                    params=query,
                    data=None if body is None else msgspec.json.encode(body),
                    headers=headers,
                    allow_redirects=False,
                ) as answer,
            ):
                said = await answer.read()
                if answer.status not in (200, 202):
                    raise ApiError(_refusal(method, resource, answer.status, said), answer.status)
                return said
        except TimeoutError as error:
            raise ApiError(f"the API server has not answered {method} {resource} in {TIMEOUT_S:g} s") from error
        except aiohttp.ClientError as error:
            raise ApiError(f"the API server is not reached ({method} {resource}): {error}") from error

    def _server(self) -> str:
        host, port = self._environ.get("KUBERNETES_SERVICE_HOST"), self._environ.get("KUBERNETES_SERVICE_PORT", "443")
        if not host:
            raise ApiError("KUBERNETES_SERVICE_HOST is not set: this process runs in no pod of Kubernetes")
        return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"

    def _read_account(self) -> _Account:
        try:
            token, namespace = ((self._account / name).read_text().strip() for name in ("token", "namespace"))
            tls = ssl.create_default_context(cafile=str(self._account / "ca.crt"))
            # Strict from Python 3.13 on, which certificates of many clusters are not: they lack a key identifier.
            tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
            return _Account(token, namespace, tls)
        except FileNotFoundError as error:
            raise ApiError(
                f"there is no {error.filename or self._account}: the pod has a token only where the chart's "
                "operations.breaking is on"
            ) from error
        except (OSError, ValueError) as error:
            raise ApiError(f"the service account in {self._account} cannot be used: {error}") from error


class _Status(msgspec.Struct):
    message: str = ""


def _refusal(method: str, resource: str, status: int, body: bytes) -> str:
    if status == 403:
        why = "the service account has no right to, which the chart's operations.breaking gives it"
    elif status == 401:
        why = "the token of the service account is not taken"
    else:
        try:
            why = msgspec.json.decode(body, type=_Status).message or "it says no more"
        except msgspec.DecodeError:
            why = "it says nothing that can be read"
    return f"the API server answers {method} {resource} with {status}: {why}"
