"""The steps that a plan is made of. Each says what it does and why, for the resource's events."""

from dataclasses import dataclass

from daytrader_operator.facts import Certificate, Credentials, Document


@dataclass(frozen=True, slots=True)
class MakeKeyfile:
    """Make the Secret with a new random keyfile; one that is there is never overwritten."""

    message = "made a keyfile, by which the members trust each other and the operator"


@dataclass(frozen=True, slots=True)
class MakeUserSecret:
    """Make the Secret with a random password of the user that programs connect as."""

    message = "made a password for the user that programs connect as"


@dataclass(frozen=True, slots=True)
class ApplyUri:
    """Put the right `uri` into the user Secret."""

    credentials: Credentials
    message = "wrote the members' addresses into the user Secret"


@dataclass(frozen=True, slots=True)
class ApplyCertificate:
    """Put certificate and key together for the members."""

    certificate: Certificate
    message = "gave the members the certificate of the TLS Secret"


@dataclass(frozen=True, slots=True)
class MakeService:
    """Apply the headless Service."""

    message = "applied the Service"


@dataclass(frozen=True, slots=True)
class MakeDisruptionBudget:
    """Apply the PodDisruptionBudget."""

    message = "applied the PodDisruptionBudget"


@dataclass(frozen=True, slots=True)
class MakeStatefulSet:
    """Apply the StatefulSet with so many pods."""

    key: str
    replicas: int
    message: str


@dataclass(frozen=True, slots=True)
class DropStatefulSet:
    """Delete the StatefulSet alone, so that it can be made again over its pods with larger volumes."""

    message = (
        "deleted the StatefulSet, not its pods, to make it again with larger volumes: its claims cannot be changed"
    )


@dataclass(frozen=True, slots=True)
class GrowVolume:
    """Ask for a larger volume."""

    claim: str
    size: str
    message: str


@dataclass(frozen=True, slots=True)
class Initiate:
    """Make an empty member a set of its own."""

    host: str
    config: Document
    message: str


@dataclass(frozen=True, slots=True)
class Reconfigure:
    """Put the next configuration into force."""

    primary: str
    config: Document
    message: str


@dataclass(frozen=True, slots=True)
class StepDown:
    """Let another member become primary."""

    primary: str
    message: str


@dataclass(frozen=True, slots=True)
class MakeUser:
    """Make the user in the set, or make it so."""

    primary: str
    user: Document
    message = "set the user of the Secret, with its password and roles"


@dataclass(frozen=True, slots=True)
class Replace:
    """Evict a pod, so that its StatefulSet makes it anew from the current template."""

    pod: str
    uid: str
    message: str


@dataclass(frozen=True, slots=True)
class SetGate:
    """Set a pod's readiness gate."""

    pod: str
    uid: str
    in_the_set: bool
    message = ""


@dataclass(frozen=True, slots=True)
class RotateCertificate:
    """Let a member read its certificate again; repeated until the kubelet has brought the new one and it is shown."""

    host: str
    message = ""


Step = (
    MakeKeyfile
    | MakeUserSecret
    | ApplyUri
    | ApplyCertificate
    | MakeService
    | MakeDisruptionBudget
    | MakeStatefulSet
    | DropStatefulSet
    | GrowVolume
    | Initiate
    | Reconfigure
    | StepDown
    | MakeUser
    | Replace
)
"""At most one of these a pass."""

Aside = SetGate | RotateCertificate
"""Harms nobody, and goes along with any step."""
