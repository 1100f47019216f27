"""Whether a TCP connection can be opened, as seen from a pod."""

import json
from dataclasses import dataclass
from typing import Final, Literal

from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.program import run_in_new_pod
from tests.cluster.shell import CaseFailedError, require

Reach = Literal["open", "blocked", "refused"]
"""Connected; no answer to the first packet, or told that there is no way; nobody listens there."""


@dataclass(frozen=True, slots=True)
class Target:
    """A port of a pod."""

    name: str
    address: str
    port: int


_PYTHON: Final = """
import socket, sys
from concurrent.futures import ThreadPoolExecutor
def reach(target):
    name, address, port = target.split(",")
    try:
        socket.create_connection((address, int(port)), timeout=2).close()
        return name, "open"
    except ConnectionRefusedError:
        return name, "refused"
    except OSError:
        return name, "blocked"
with ThreadPoolExecutor(32) as pool:
    for name, state in pool.map(reach, sys.argv[1:]):
        print(name, state)
"""

_BASH: Final = """
for target in "$@"; do
  IFS=, read -r name address port <<< "$target"
  {
    said=$(timeout 2 bash -c "exec 3<>/dev/tcp/$address/$port" 2>&1)
    case $? in
      0) echo "$name open" ;;
      *) case "$said" in *refused*) echo "$name refused" ;; *) echo "$name blocked" ;; esac ;;
    esac
  } &
done
wait
"""
"""For images without Python: the official ones of MongoDB and Redis have bash."""


def from_pod(kubectl: Kubectl, pod: Object, targets: list[Target]) -> dict[str, Reach]:
    """Return the state of each target as seen from a pod that runs, by the target's name."""
    container = pod["spec"]["containers"][0]
    interpreter = ("bash", "-c", _BASH, "probe") if _has_no_python(container["name"]) else ("python", "-c", _PYTHON)
    where = ("exec", pod["metadata"]["name"], "--container", container["name"], "--")
    return _read(kubectl(*where, *interpreter, *map(_word, targets)), targets)


def from_new_pod(kubectl: Kubectl, image: str, labels: dict[str, str], targets: list[Target]) -> dict[str, Reach]:
    """Return the same as seen from a pod that is made for it, with these labels."""
    # Policies have a moment to cover the new pod before it connects.
    script = f"import time; time.sleep(5)\n{_PYTHON}"
    return _read(run_in_new_pod(kubectl, image, labels, script, *map(_word, targets)), targets)


def _has_no_python(container: str) -> bool:
    return container in ("redis", "mongodb")


def _word(target: Target) -> str:
    return f"{target.name},{target.address},{target.port}"


def _read(text: str, targets: list[Target]) -> dict[str, Reach]:
    found: dict[str, Reach] = {}
    for line in text.splitlines():
        name, _, state = line.rpartition(" ")
        if state not in ("open", "blocked", "refused"):
            raise CaseFailedError(f"a probe says {line!r}")
        found[name] = state  # type: ignore[assignment]
    missing = {target.name for target in targets} - found.keys()
    require(not missing, f"a probe says nothing of {json.dumps(sorted(missing))}: {text}")
    return found
