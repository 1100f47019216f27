"""A Python program that runs in a pod: in one of ours that is there, or in one made for it."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster.installation import Installation
from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.shell import wait_until


def run_in_new_pod(
    kubectl: Kubectl,
    image: str,
    labels: dict[str, str],
    program: str,
    *arguments: str,
    name: str = "e2e-program",
    env: list[Object] | None = None,
    seconds: float = 60.0,
) -> str:
    """Run a program in a pod of ours with these labels; return what it printed.

    Raises:
        CaseFailedError: it failed, or did not end in time.
    """
    kubectl.delete("pod", name)
    kubectl.apply(_pod(kubectl.namespace, name, image, labels, [program, *arguments], env or []))
    try:
        wait_until(f"pod {name} to end", lambda: _phase(kubectl, name) in ("Succeeded", "Failed"), seconds=seconds)
        said = kubectl("logs", name)
        wait_until(
            f"pod {name} to succeed; it says {said[-500:]}", lambda: _phase(kubectl, name) == "Succeeded", seconds=0
        )
        return said
    finally:
        kubectl.delete("pod", name)


@contextmanager
def running_in(installation: Installation, component: str, program: str, *arguments: str) -> Iterator[list[Object]]:
    """Run a program in a pod of a component for as long as the context lasts.

    It prints a JSON object a line, and ends when its standard input does; the list holds the objects afterwards.
    """
    pod = installation.pod(component)["metadata"]["name"]
    command = ["kubectl", "--namespace", installation.namespace, "exec", "--stdin", pod, "--container", component, "--"]
    running = subprocess.Popen(
        [*command, "python", "-c", program, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    lines: list[Object] = []
    try:
        yield lines
    finally:
        said, error = running.communicate("", timeout=30)
    lines += [json.loads(line) for line in said.splitlines()]
    if running.returncode:
        lines.append({"error": error[-1000:]})


def labels_of(installation: Installation, component: str) -> dict[str, str]:
    """Return the labels by which network policies know a component's pods."""
    own = dict(each.split("=") for each in installation.selector(component).split(","))
    return {**own, "app.kubernetes.io/name": "daytrader"}


def _phase(kubectl: Kubectl, name: str) -> str:
    return str(kubectl.get("pod", name)["status"].get("phase"))


def _pod(
    namespace: str, name: str, image: str, labels: dict[str, str], arguments: list[str], env: list[Object]
) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "program",
                    "image": image,
                    "command": ["python", "-c", *arguments],
                    "env": env,
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
        },
    }
