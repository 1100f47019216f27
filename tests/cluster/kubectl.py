"""kubectl, in one namespace."""

import json
import shlex
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.shell import CaseFailedError, attempt, run, wait_until

Object = dict[str, Any]
"""A Kubernetes object as its API shows it."""


@dataclass(frozen=True)
class Kubectl:
    """Runs kubectl for one namespace; every method raises CaseFailedError where kubectl fails."""

    namespace: str

    def __call__(self, *arguments: str | Path, stdin: str | None = None, seconds: float = 60.0) -> str:
        """Run kubectl; return what it printed."""
        return run("kubectl", "--namespace", self.namespace, *arguments, stdin=stdin, seconds=seconds)

    def attempt(self, *arguments: str, stdin: str | None = None, seconds: float = 60.0) -> tuple[int, str, str]:
        """Run kubectl; return status, output and error output."""
        return attempt("kubectl", "--namespace", self.namespace, *arguments, stdin=stdin, seconds=seconds)

    def get(self, kind: str, name: str) -> Object:
        """Return one object."""
        found: Object = json.loads(self("get", kind, name, "--output", "json"))
        return found

    def exists(self, kind: str, name: str) -> bool:
        """Return whether there is such an object."""
        return bool(self("get", kind, name, "--ignore-not-found", "--output", "name").strip())

    def objects(self, kinds: str, selector: str = "", *, everywhere: bool = False) -> list[Object]:
        """Return all objects of these kinds (separated by commas) that the selector picks."""
        chosen = ["--selector", selector] if selector else []
        where = ["--all-namespaces"] if everywhere else []
        items: list[Object] = json.loads(self("get", kinds, *chosen, *where, "--output", "json"))["items"]
        return items

    def apply(self, *documents: Object) -> None:
        """Apply objects, server-side, as a field manager of the suite's own."""
        text = yaml.safe_dump_all(documents)
        self("apply", "--server-side", "--force-conflicts", "--field-manager=e2e", "--filename=-", stdin=text)

    def delete(self, kind: str, *names: str, seconds: float = 120.0) -> None:
        """Delete objects, if they are there, and wait until they are gone."""
        self("delete", kind, *names, "--ignore-not-found", f"--timeout={seconds:.0f}s", seconds=seconds + 10)

    def patch(self, kind: str, name: str, change: Object) -> None:
        """Merge a change into an object."""
        self("patch", kind, name, "--type=merge", "--patch", json.dumps(change))

    def rollout_status(self, target: str, *, seconds: float = 180.0) -> None:
        """Wait until a Deployment or StatefulSet has rolled out."""
        self("rollout", "status", target, f"--timeout={seconds:.0f}s", seconds=seconds + 10)

    @contextmanager
    def forwarded(self, target: str, port: int) -> Iterator[int]:
        """Forward a free port of the loopback to `target` (pod/…, service/…) for as long as the context lasts."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            local = probe.getsockname()[1]
        command = ["kubectl", "--namespace", self.namespace, "port-forward", target, f"{local}:{port}"]
        forwarding = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

        def open_now() -> bool:
            if forwarding.poll() is not None:
                said = forwarding.stderr.read() if forwarding.stderr else ""
                raise CaseFailedError(f"`{shlex.join(command)}` ended: {said}")
            with socket.socket() as caller:
                return caller.connect_ex(("127.0.0.1", local)) == 0

        try:
            wait_until(f"port {port} of {target}", open_now, seconds=20, every=0.2)
            yield local
        finally:
            forwarding.terminate()
            forwarding.communicate()


def documents(text: str) -> list[Object]:
    """Return the objects of a stream of YAML documents."""
    return [document for document in yaml.safe_load_all(text) if document]


def condition(object_: Object, kind: str) -> Object:
    """Return a condition of an object's status; empty where it is not there."""
    found: Sequence[Object] = object_.get("status", {}).get("conditions", [])
    return next((each for each in found if each["type"] == kind), {})


def is_true(object_: Object, kind: str) -> bool:
    """Return whether a condition holds, and was found for the newest generation where the object says for which."""
    observed = object_.get("status", {}).get("observedGeneration", object_["metadata"].get("generation"))
    current = observed == object_["metadata"].get("generation")
    return current and condition(object_, kind).get("status") == "True"
