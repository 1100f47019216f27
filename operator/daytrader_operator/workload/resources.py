"""The Job that a Workload becomes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from daytrader_operator.workload.spec import Workload

API_VERSION: Final = "daytrader.dev/v1alpha1"
COMPONENT: Final = "workload"

LONGEST_S: Final = 3600
"""A run without a duration has failed when it is not through after so many seconds."""
BESIDES_S: Final = 1800
"""Seconds for all that a Job does besides sending: getting the file, reading the log, verifying."""

_FILE: Final = "/workload/file"
_CA: Final = "/tls/ca.crt"
_TOKEN: Final = "/auth/token"  # noqa: S105  a file's name
_SUMMARY: Final = "/dev/termination-log"
_USER: Final = 10001

Object = dict[str, object]


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a Job has from the installation it belongs to."""

    namespace: str
    instance: str
    """The release."""
    fullname: str
    """What the installation's objects begin with; also the service account that may do nothing."""
    image: str
    pull_policy: str
    pull_secrets: tuple[str, ...]
    web_url: str
    tls_secret: str | None
    """The Secret whose ca.crt vouches for web; None where web speaks plain HTTP."""
    tokens_secret: str | None = None
    """The Secret with the bearer tokens `broker` and `admin`; None where web asks for none."""


def job_name(workload: str) -> str:
    """Return the name of the Job of the Workload of that name."""
    return f"workload-{workload}"


def job(workload: Workload, around: Surroundings) -> Object:
    """Return the Job. Its pod has no API token, no rights, and one try."""
    labels = {
        "app.kubernetes.io/name": "daytrader",
        "app.kubernetes.io/instance": around.instance,
        "app.kubernetes.io/component": COMPONENT,
        "app.kubernetes.io/part-of": "daytrader",
        "app.kubernetes.io/managed-by": "daytrader-operator",
        "daytrader.dev/workload": workload.name,
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": job_name(workload.name),
            "namespace": around.namespace,
            "labels": labels,
            "ownerReferences": [
                {
                    "apiVersion": API_VERSION,
                    "kind": "Workload",
                    "name": workload.name,
                    "uid": workload.uid,
                    "controller": True,
                }
            ],
        },
        "spec": {
            "backoffLimit": 0,  # a second try would send everything again
            "activeDeadlineSeconds": (workload.spec.seconds or LONGEST_S) + BESIDES_S,
            "template": {"metadata": {"labels": labels}, "spec": _pod(workload, around)},
        },
    }


def arguments(workload: Workload, around: Surroundings) -> list[str]:
    """Return the arguments of the image's entry point, `daytrader`."""
    spec = workload.spec
    words = ["workload", "job", "--url", spec.web_url or around.web_url]
    if spec.made is not None:
        words += ["--users", str(spec.made.users), "--commands", str(spec.made.commands)]
        words += ["--seed", str(workload.seed)]
    elif spec.url is not None:
        words += ["--from", spec.url]
    else:
        words += ["--file", _FILE]
    if spec.loop.open is not None:
        words += ["--rate", f"{spec.loop.open.rate:g}"]
    elif spec.loop.closed is not None and spec.loop.closed.connections is not None:
        words += ["--connections", str(spec.loop.closed.connections)]
    if spec.processes > 1:
        words += ["--processes", str(spec.processes)]
    seconds = spec.seconds
    words += ["--limit-time", str(LONGEST_S)] if seconds is None else ["--duration", str(seconds)]
    if not spec.verify:
        words.append("--no-verify")
    if around.tls_secret is not None:
        words += ["--ca", _CA]
    if _token(workload, around) is not None:
        words += ["--token-file", _TOKEN]
    return [*words, "--summary", _SUMMARY]


def _pod(workload: Workload, around: Surroundings) -> Object:
    volumes = _volumes(workload, around)
    mounts = {"tmp": "/tmp", "file": "/workload", "tls": "/tls", "auth": "/auth"}  # noqa: S108  an emptyDir of the pod's own
    container = {
        "name": COMPONENT,
        "image": around.image,
        "imagePullPolicy": around.pull_policy,
        "args": arguments(workload, around),
        "terminationMessagePath": _SUMMARY,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": name, "mountPath": mounts[name], **({} if name == "tmp" else {"readOnly": True})}
            for name in volumes
        ],
    }
    pod: Object = {
        "restartPolicy": "Never",
        "serviceAccountName": around.fullname,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 30,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": name, **volume} for name, volume in volumes.items()],
    }
    if around.pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in around.pull_secrets]
    return pod


def _volumes(workload: Workload, around: Surroundings) -> Mapping[str, Object]:
    # The file, the history and the log of the whole installation are there for a while.
    volumes: dict[str, Object] = {"tmp": {"emptyDir": {"sizeLimit": "4Gi"}}}
    source = workload.spec.config_map
    if source is not None:
        volumes["file"] = {"configMap": {"name": source.name, "items": [{"key": source.key, "path": "file"}]}}
    if around.tls_secret is not None:
        items = [{"key": "ca.crt", "path": "ca.crt"}]
        volumes["tls"] = {"secret": {"secretName": around.tls_secret, "items": items, "defaultMode": 0o440}}
    token = _token(workload, around)
    if token is not None:
        items = [{"key": token, "path": "token"}]
        volumes["auth"] = {"secret": {"secretName": around.tokens_secret, "items": items, "defaultMode": 0o440}}
    return volumes


def _token(workload: Workload, around: Surroundings) -> str | None:
    """Return the key of the token that the Job shows; None: it shows none.

    Only an admin reads the whole log. A web that the Workload names gets none: whoever may create Workloads could have
    the installation's token sent anywhere.
    """
    if around.tokens_secret is None or workload.spec.web_url is not None:
        return None
    return "admin" if workload.spec.verify else "broker"
