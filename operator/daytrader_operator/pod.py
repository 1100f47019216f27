"""The pod of a member: mongod and nothing else, under the "restricted" pod security standard."""

from typing import Final

from lightkube.models.core_v1 import (
    Capabilities,
    Container,
    ContainerPort,
    EmptyDirVolumeSource,
    PodReadinessGate,
    PodSecurityContext,
    PodSpec,
    PodTemplateSpec,
    Probe,
    SeccompProfile,
    SecretVolumeSource,
    SecurityContext,
    TCPSocketAction,
    Volume,
    VolumeMount,
)
from lightkube.models.meta_v1 import ObjectMeta

from daytrader.local.mongod import PARAMETERS
from daytrader_operator.desired import PORT, RESTART, Desired

DATA: Final = "data"
"""The volume claim's name, before the pod's."""

IN_THE_SET: Final = "daytrader.dev/in-the-set"
"""The readiness gate: the operator has seen that the member is PRIMARY or SECONDARY."""

KEY: Final = "daytrader.dev/keyfile"
"""Annotation: a digest of the keyfile, which is read only at the start."""

_MONGODB: Final = 999
"""The user and the group of MongoDB's official image."""

_GRACE_S: Final = 60
"""A primary hands over and closes its storage, within seconds as a rule; a kill would cost a recovery at start."""

_STARTS_WITHIN_S: Final = 3_600
"""The storage of a member that was killed is made sound before it listens; that is bounded by its journal."""

_STARTING: Final = (
    # mongod takes no keyfile that others than its owner may read, and a mounted Secret belongs to root. So it is
    # copied, into memory; a new one is read when the container starts again.
    'umask 077 && cat /etc/mongodb/key/keyfile > /tmp/keyfile && exec mongod "$@"'
)

_PARAMETERS: Final = (
    *PARAMETERS,
    # How long a stopping member still answers, and a stopping primary waits for a secondary to have everything.
    "shutdownTimeoutMillisForSignaledShutdown=2000",
    # Ends a member whose disk has not answered for a minute: it would hold on to being primary, and serve nobody.
    "watchdogPeriodSeconds=60",
)


def pod_template(
    desired: Desired, labels: dict[str, str], key_digest: str, keyfile: str, certificate: str
) -> PodTemplateSpec:
    """Return the template of a member's pod; `keyfile` and `certificate` name the Secrets that it mounts."""
    spec = desired.spec
    annotations = {**spec.podAnnotations, KEY: key_digest}
    if desired.restart is not None:
        annotations[RESTART] = desired.restart
    volumes = [
        Volume(name="tmp", emptyDir=EmptyDirVolumeSource(medium="Memory", sizeLimit="16Mi")),
        Volume(name="keyfile", secret=SecretVolumeSource(secretName=keyfile, defaultMode=0o440)),
    ]
    mounts = [
        VolumeMount(name=DATA, mountPath="/data/db"),
        VolumeMount(name="tmp", mountPath="/tmp"),  # noqa: S108 - its own, in memory
        VolumeMount(name="keyfile", mountPath="/etc/mongodb/key", readOnly=True),
    ]
    if spec.tls:
        volumes.append(Volume(name="tls", secret=SecretVolumeSource(secretName=certificate, defaultMode=0o440)))
        mounts.append(VolumeMount(name="tls", mountPath="/etc/mongodb/tls", readOnly=True))
    return PodTemplateSpec(
        metadata=ObjectMeta(labels=labels, annotations=annotations),
        spec=PodSpec(
            containers=[_container(desired, mounts)],
            volumes=volumes,
            readinessGates=[PodReadinessGate(conditionType=IN_THE_SET)],
            securityContext=PodSecurityContext(
                runAsNonRoot=True,
                runAsUser=_MONGODB,
                runAsGroup=_MONGODB,
                fsGroup=_MONGODB,
                fsGroupChangePolicy="OnRootMismatch",
                seccompProfile=SeccompProfile(type="RuntimeDefault"),
            ),
            automountServiceAccountToken=False,
            enableServiceLinks=False,
            terminationGracePeriodSeconds=_GRACE_S,
            imagePullSecrets=spec.imagePullSecrets or None,
            nodeSelector=spec.nodeSelector or None,
            tolerations=spec.tolerations or None,
            affinity=spec.affinity,
            topologySpreadConstraints=spec.topologySpreadConstraints or None,
            priorityClassName=spec.priorityClassName,
        ),
    )


def _container(desired: Desired, mounts: list[VolumeMount]) -> Container:
    spec = desired.spec
    listens = TCPSocketAction(port="mongodb")
    return Container(
        name="mongodb",
        image=spec.image,
        imagePullPolicy=spec.imagePullPolicy,
        command=["sh", "-c", _STARTING, "mongod"],
        args=_arguments(desired),
        ports=[ContainerPort(name="mongodb", containerPort=PORT)],
        resources=spec.resources,
        volumeMounts=mounts,
        startupProbe=Probe(
            tcpSocket=listens, periodSeconds=2, timeoutSeconds=2, failureThreshold=_STARTS_WITHIN_S // 2
        ),
        livenessProbe=Probe(tcpSocket=listens, periodSeconds=10, timeoutSeconds=5, failureThreshold=6),
        readinessProbe=Probe(tcpSocket=listens, periodSeconds=5, timeoutSeconds=5, failureThreshold=2),
        securityContext=SecurityContext(
            allowPrivilegeEscalation=False,
            readOnlyRootFilesystem=True,
            capabilities=Capabilities(drop=["ALL"]),
        ),
    )


def _arguments(desired: Desired) -> list[str]:
    spec = desired.spec
    arguments = [
        *("--replSet", desired.name, "--port", str(PORT), "--bind_ip_all", "--nounixsocket"),
        *("--dbpath", "/data/db", "--keyFile", "/tmp/keyfile", "--quiet"),  # noqa: S108
        *("--wiredTigerCacheSizeGB", f"{spec.cacheGB:g}", "--oplogSize", str(spec.oplogMB)),
        *("--journalCommitInterval", "500"),
    ]
    if spec.tls:
        arguments += [
            *("--tlsMode", "requireTLS", "--tlsAllowConnectionsWithoutCertificates"),
            *("--tlsCertificateKeyFile", "/etc/mongodb/tls/server.pem", "--tlsCAFile", "/etc/mongodb/tls/ca.crt"),
        ]
    return [*arguments, *(word for parameter in _PARAMETERS for word in ("--setParameter", parameter))]
