"""Looking at what is there: the set's objects in Kubernetes, and its members one by one. Nothing is changed here."""

import asyncio
import base64
import hashlib
import re
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, Protocol, TypeVar

from lightkube.core.resource import NamespacedResourceG
from lightkube.models.core_v1 import ContainerStatus
from lightkube.resources.apps_v1 import StatefulSet
from lightkube.resources.core_v1 import PersistentVolumeClaim, Secret, Service
from lightkube.resources.core_v1 import Pod as KubernetesPod
from lightkube.resources.policy_v1 import PodDisruptionBudget

from daytrader_operator import resources
from daytrader_operator.desired import KIND, SET_LABEL, Desired
from daytrader_operator.diagnosis import diagnose
from daytrader_operator.facts import Certificate, Credentials, Document, Mongod, Observed, Pod, Workload
from daytrader_operator.pod import DATA, IN_THE_SET

_REVISION: Final = "controller-revision-hash"
_CERTIFICATE: Final = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)

Named = TypeVar("Named", bound=NamespacedResourceG)
OfMember = TypeVar("OfMember", KubernetesPod, PersistentVolumeClaim)


class BrokenSecret(Exception):
    """A Secret of the operator's own lacks what it was made with; the text says which, and what to do."""


class ReadsKubernetes(Protocol):
    """What is needed of the Kubernetes API."""

    async def get(self, kind: type[Named], name: str) -> Named | None:
        """Return the object, or None."""
        ...

    async def list(self, kind: type[Named], labels: Mapping[str, str]) -> list[Named]:
        """Return the objects with these labels."""
        ...


class AsksMembers(Protocol):
    """What is needed of the members."""

    async def keep(self, hosts: frozenset[str]) -> None:
        """Forget all members but these."""
        ...

    async def ask(self, host: str) -> Mongod:
        """Return what the member says of itself; never raises."""
        ...

    async def user_is(self, primary: str, user: Document) -> bool:
        """Return whether the user is there as wanted."""
        ...


Connect = Callable[[str, str | None], AsksMembers]
"""Gives the members, for the keyfile's text and the certificate authority."""


async def observe(
    kubernetes: ReadsKubernetes, connect: Connect, desired: Desired, status: Mapping[str, Any]
) -> Observed:
    """Return everything that is known of the set; `status` is what the resource said before.

    Raises:
        KubernetesError, BrokenSecret: nothing is known.
        PyMongoError: the primary went away while it was asked.
    """
    seen = await _in_kubernetes(kubernetes, desired, status)
    if seen.key is None:
        return seen
    if desired.spec.tls and seen.authority is None:
        return seen
    members = connect(seen.key, seen.authority)
    # A member without a pod has no name in DNS: it need not be waited for.
    hosts = [desired.host(ordinal) for ordinal in sorted(seen.pods)]
    await members.keep(frozenset(hosts))
    answers = await asyncio.gather(*(members.ask(host) for host in hosts))
    found = replace(seen, mongods=dict(zip(hosts, answers, strict=True)))
    primary = diagnose(desired, found).primary
    if primary is None or found.credentials is None:
        return found
    wanted = resources.create_user(desired, found.credentials)
    return replace(found, user_is_made=await members.user_is(primary, wanted))


async def _in_kubernetes(kubernetes: ReadsKubernetes, desired: Desired, status: Mapping[str, Any]) -> Observed:
    selector = {SET_LABEL: desired.name}
    (keyfile, user), (stateful_set, service, budget), (pods, claims) = await asyncio.gather(
        asyncio.gather(
            kubernetes.get(Secret, resources.keyfile_name(desired)),
            kubernetes.get(Secret, resources.user_name(desired)),
        ),
        asyncio.gather(
            kubernetes.get(StatefulSet, desired.name),
            kubernetes.get(Service, desired.name),
            kubernetes.get(PodDisruptionBudget, desired.name),
        ),
        asyncio.gather(
            kubernetes.list(KubernetesPod, selector),
            kubernetes.list(PersistentVolumeClaim, selector),
        ),
    )
    certificate, why, mounted = None, "", None
    if desired.spec.tls:
        source, own = await asyncio.gather(
            kubernetes.get(Secret, desired.spec.tls.secretName),
            kubernetes.get(Secret, resources.certificate_name(desired)),
        )
        certificate, why = _certificate(desired.spec.tls.secretName, source)
        mounted = _mounted(own)
    objects = {
        "StatefulSet": stateful_set.metadata if stateful_set else None,
        "Service": service.metadata if service else None,
        "PodDisruptionBudget": budget.metadata if budget else None,
    }
    return Observed(
        status=status,
        key=_texts(keyfile, "keyfile")["keyfile"] if keyfile and not _is_left(keyfile, desired) else None,
        credentials=(
            Credentials(**_texts(user, "username", "password", "uri")) if user and not _is_left(user, desired) else None
        ),
        certificate=certificate,
        why_no_certificate=why,
        mounted=mounted,
        workload=_workload(stateful_set) if stateful_set else None,
        applied={kind: resources.applied_digest(metadata) for kind, metadata in objects.items() if metadata},
        pods={ordinal: _pod(pod) for ordinal, pod in _by_ordinal(pods, desired.name)},
        volumes={ordinal: _size(claim) for ordinal, claim in _by_ordinal(claims, f"{DATA}-{desired.name}")},
    )


def _is_left(secret: Secret, desired: Desired) -> bool:
    """Whether it belongs to an earlier resource of the same name, so that the garbage collector is about to take it."""
    owners = (secret.metadata.ownerReferences if secret.metadata else None) or []
    return any(owner.kind == KIND and owner.uid != desired.metadata.uid for owner in owners)


def _texts(secret: Secret, *names: str) -> dict[str, str]:
    data = secret.data or {}
    missing = [name for name in names if name not in data]
    if missing:
        name = secret.metadata.name if secret.metadata else ""
        raise BrokenSecret(f"Secret {name} has no {' and no '.join(missing)}: delete it, and it is made anew")
    return {name: base64.b64decode(data[name]).decode() for name in names}


def _certificate(name: str, source: Secret | None) -> tuple[Certificate | None, str]:
    if source is None:
        return None, f"there is no Secret {name}: make it (type kubernetes.io/tls, with ca.crt), or name another one"
    data = source.data or {}
    missing = [key for key in ("tls.crt", "tls.key", "ca.crt") if not data.get(key)]
    if missing:
        return None, f"Secret {name} has no {', '.join(missing)}: it must have tls.crt, tls.key and ca.crt"
    texts = {key: base64.b64decode(data[key]).decode(errors="replace") for key in ("tls.crt", "tls.key", "ca.crt")}
    server = f"{texts['tls.crt'].strip()}\n{texts['tls.key'].strip()}\n"
    try:
        return Certificate(server, texts["ca.crt"], fingerprint(server)), ""
    except ValueError as error:
        return None, f"tls.crt in Secret {name} cannot be used ({error}): it must be a certificate in PEM"


def _mounted(own: Secret | None) -> Certificate | None:
    if own is None:
        return None
    texts = _texts(own, "server.pem", "ca.crt")
    return Certificate(texts["server.pem"], texts["ca.crt"], fingerprint(texts["server.pem"]))


def fingerprint(pem: str) -> str:
    """Return the SHA-256 of the first certificate in the text. Raises ValueError where there is none."""
    first = _CERTIFICATE.search(pem)
    if first is None:
        raise ValueError("no certificate in it")
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(first.group())).hexdigest()


def _workload(found: StatefulSet) -> Workload:
    spec, status = found.spec, found.status
    claims = spec.volumeClaimTemplates if spec else None
    return Workload(
        replicas=(spec.replicas if spec else None) or 0,
        revision=(status.updateRevision if status else None) or "",
        settled=bool(found.metadata and status and status.observedGeneration == found.metadata.generation),
        storage=_size(claims[0]) if claims else "0",
    )


def _size(claim: Any) -> str:
    requests = claim.spec.resources.requests if claim.spec and claim.spec.resources else None
    return str((requests or {}).get("storage", "0"))


def _by_ordinal(found: Iterable[OfMember], name: str) -> Iterator[tuple[int, OfMember]]:
    """The members' own objects; what somebody else has made with the labels of the set is none of them."""
    for each in found:
        member = re.fullmatch(rf"{re.escape(name)}-(\d{{1,2}})", (each.metadata.name if each.metadata else None) or "")
        if member is not None:
            yield int(member.group(1)), each


def _pod(found: KubernetesPod) -> Pod:
    metadata, status = found.metadata, found.status
    if metadata is None:
        raise ValueError("a pod without metadata")
    conditions = {condition.type: condition.status for condition in (status.conditions if status else None) or []}
    containers = (status.containerStatuses if status else None) or []
    gate = conditions.get(IN_THE_SET)
    return Pod(
        name=metadata.name or "",
        uid=metadata.uid or "",
        revision=(metadata.labels or {}).get(_REVISION, ""),
        running=any(container.state and container.state.running for container in containers),
        leaving=metadata.deletionTimestamp is not None,
        in_the_set=None if gate is None else gate == "True",
        trouble=_waits_for(containers) or ("" if conditions.get("PodScheduled") != "False" else "Unschedulable"),
    )


def _waits_for(containers: list[ContainerStatus]) -> str:
    waiting = [container.state.waiting for container in containers if container.state and container.state.waiting]
    return (waiting[0].reason or "") if waiting else ""
