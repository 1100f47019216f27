"""`ci/swap` and `ci/kind-up`, with docker, kind, kubectl and helm replaced by programs that write down their calls."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.chart.programs import ROOT

TAG = re.compile(r"swap-\d{14}")


class Programs:
    """Stand-ins on a PATH of their own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._calls = directory / "calls"
        self._calls.touch()
        self.answers: dict[str, str] = {
            "kubectl config current-context": "kind-daytrader",
            "kubectl --namespace daytrader get deployment/daytrader-web": "registry.example:5000/daytrader:1",
            "helm version": "v4.1.0",
            "kind get clusters": "",
        }
        """What is printed by the calls that begin so."""
        self.failing = ""
        """Calls that begin so end with 1."""

    def calls(self) -> list[str]:
        """The calls so far, with the time in tags left out."""
        return [re.sub(r"-\d{14}", "-NOW", line) for line in self._calls.read_text().splitlines()]

    def run(self, *words: str, without: str = "", **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run a script of ours with these programs before all others."""
        for name in ("docker", "kind", "kubectl", "helm"):
            program = self._directory / name
            program.unlink(missing_ok=True)
            if name != without:
                program.write_text(self._text(name))
                program.chmod(0o755)
        path = f"{self._directory}:/usr/bin:/bin" if not without else f"{self._directory}:{self._bare()}"
        return subprocess.run(
            [str(ROOT / words[0]), *words[1:]],
            env={"PATH": path, "HOME": os.environ.get("HOME", "/"), **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def _bare(self) -> Path:
        """A directory with the shell's own helpers and nothing else."""
        bare = self._directory / "bare"
        bare.mkdir(exist_ok=True)
        for name in ("cat", "dirname", "git", "date", "grep", "sh"):
            link = bare / name
            if not link.exists():
                link.symlink_to(Path("/usr/bin") / name)
        return bare

    def _text(self, name: str) -> str:
        cases = "".join(f"'{call}'*) echo '{says}' ;;\n" for call, says in self.answers.items())
        failing = f"'{self.failing}'*) exit 1 ;;\n" if self.failing else ""
        return f'#!/bin/sh\ncall="{name} $*"\necho "$call" >> {self._calls}\ncase "$call" in\n{failing}{cases}esac\n'


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    """Stand-ins that have not been called."""
    return Programs(tmp_path)


@pytest.mark.parametrize("script", ["ci/swap", "ci/kind-up"])
def test_help_is_there_without_any_program(programs: Programs, script: str) -> None:
    """`--help` says how it is used, and nothing is done."""
    done = programs.run(script, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: {script}")
    assert not programs.calls()


@pytest.mark.parametrize(
    ("script", "words"),
    [("ci/swap", ["mongodb"]), ("ci/swap", ["web", "--redo"]), ("ci/swap", ["--undo", "web"]), ("ci/swap", [])],
)
def test_wrong_words_are_answered_with_the_usage(programs: Programs, script: str, words: list[str]) -> None:
    """The status is 2, and nothing is done."""
    done = programs.run(script, *words)
    assert done.returncode == 2
    assert "Usage:" in done.stderr
    assert not programs.calls()


def test_a_swap_builds_loads_sets_and_waits(programs: Programs) -> None:
    """On a kind cluster the image is loaded into its nodes; repository and port of the running image stay."""
    done = programs.run("ci/swap", "web")
    assert done.returncode == 0, done.stderr
    image = "registry.example:5000/daytrader:swap-NOW"
    assert programs.calls()[2:] == [
        f"docker build --build-arg VERSION=swap-NOW --tag {image} .",
        f"kind load docker-image --name daytrader {image}",
        f"kubectl --namespace daytrader set image deployment/daytrader-web web={image}",
        f"kubectl --namespace daytrader annotate --overwrite deployment/daytrader-web daytrader.dev/swapped={image}",
        "kubectl --namespace daytrader rollout status deployment/daytrader-web --timeout=180s",
    ]


def test_on_another_cluster_the_image_goes_as_one_says(programs: Programs) -> None:
    """LOAD_IMAGE is the command; without it nothing is built."""
    programs.answers["kubectl config current-context"] = "lab"
    done = programs.run("ci/swap", "web")
    assert done.returncode == 1
    assert "context lab is no kind cluster: set LOAD_IMAGE" in done.stderr
    assert not [call for call in programs.calls() if call.startswith("docker")]
    done = programs.run("ci/swap", "web", LOAD_IMAGE="docker push")
    assert done.returncode == 0, done.stderr
    assert "docker push registry.example:5000/daytrader:swap-NOW" in programs.calls()


def test_a_swap_is_undone(programs: Programs) -> None:
    """The build before comes back, and its replicas are waited for."""
    assert programs.run("ci/swap", "audit", "--undo", NAMESPACE="other", FULLNAME="q-daytrader").returncode == 0
    assert programs.calls() == [
        "kubectl --namespace other rollout undo deployment/q-daytrader-audit",
        "kubectl --namespace other rollout status deployment/q-daytrader-audit --timeout=180s",
    ]


def test_the_last_swap_is_undone_where_no_service_is_named(programs: Programs) -> None:
    """Of those whose build is the swapped one still; other Deployments are none of the services."""
    programs.answers["kubectl --namespace daytrader get deployments"] = "\n".join(
        [
            "daytrader-audit r:5000/d:swap-20260101000003 r:5000/d:swap-20260101000003",
            "daytrader-web r:5000/d:swap-20260101000001 r:5000/d:swap-20260101000001",
            "daytrader-transaction r:5000/d:1 r:5000/d:swap-20260101000005",
            "daytrader-operator r:5000/d:1 ",
            "other-web r:5000/d:swap-20260101000009 r:5000/d:swap-20260101000009",
        ]
    )
    done = programs.run("ci/swap", "--undo")
    assert done.returncode == 0, done.stderr
    assert programs.calls()[-2:] == [
        "kubectl --namespace daytrader rollout undo deployment/daytrader-audit",
        "kubectl --namespace daytrader rollout status deployment/daytrader-audit --timeout=180s",
    ]


def test_without_a_swap_there_is_none_to_undo(programs: Programs) -> None:
    """No rollout of another kind is taken back unasked."""
    programs.answers["kubectl --namespace daytrader get deployments"] = "daytrader-web r:5000/d:1 "
    done = programs.run("ci/swap", "--undo")
    assert done.returncode == 1
    assert "none of the services runs a build that ci/swap brought" in done.stderr
    assert not [call for call in programs.calls() if "rollout" in call]


def test_a_cluster_that_does_not_answer_is_not_one_without_swaps(programs: Programs) -> None:
    """Nothing is said about swaps then."""
    programs.failing = "kubectl --namespace daytrader get deployments"
    done = programs.run("ci/swap", "--undo")
    assert done.returncode == 1
    assert "ci/swap brought" not in done.stderr


def test_a_rollout_that_does_not_end_says_how_to_go_back(programs: Programs) -> None:
    """The status is 1."""
    programs.failing = "kubectl --namespace daytrader rollout status"
    done = programs.run("ci/swap", "web")
    assert done.returncode == 1
    assert "ci/swap web --undo goes back" in done.stderr


def test_kind_up_goes_from_nothing_to_a_passed_test(programs: Programs) -> None:
    """Cluster, image, definitions and namespace, chart, test: in this order."""
    done = programs.run("ci/kind-up")
    assert done.returncode == 0, done.stderr
    steps = [
        "kind create cluster",
        "docker build",
        "kind load docker-image",
        "kubectl --context kind-daytrader apply --server-side",
        "helm --kube-context kind-daytrader upgrade --install daytrader charts/daytrader",
        "helm --kube-context kind-daytrader test daytrader",
    ]
    calls = programs.calls()
    places = [next(place for place, call in enumerate(calls) if call.startswith(step)) for step in steps]
    assert places == sorted(places)
    assert done.stdout.endswith("ready http://127.0.0.1:8080\n")


def test_kind_up_takes_the_cluster_that_is_there(programs: Programs) -> None:
    """Run again, it upgrades what it finds."""
    programs.answers["kind get clusters"] = "daytrader"
    assert programs.run("ci/kind-up").returncode == 0
    assert not [call for call in programs.calls() if call.startswith("kind create")]


@pytest.mark.parametrize("missing", ["docker", "kind", "kubectl", "helm"])
def test_kind_up_says_what_is_missing(programs: Programs, missing: str) -> None:
    """Before anything is done, and with where to get it."""
    done = programs.run("ci/kind-up", without=missing)
    assert done.returncode == 1
    assert done.stderr.startswith(f"ci/kind-up: {missing} is not on the PATH: install it, see https://")


def test_kind_up_refuses_an_old_helm(programs: Programs) -> None:
    """The chart counts on helm 4."""
    programs.answers["helm version"] = "v3.19.0"
    done = programs.run("ci/kind-up")
    assert (done.returncode, done.stderr) == (1, "ci/kind-up: helm is v3.19.0; the chart needs helm 4\n")


def test_kind_up_needs_a_docker_that_answers(programs: Programs) -> None:
    """It says so before it makes a cluster."""
    programs.failing = "docker info"
    done = programs.run("ci/kind-up")
    assert done.returncode == 1
    assert "docker does not answer" in done.stderr


def test_the_cluster_leads_to_web() -> None:
    """kind's port mapping is the NodePort of the overlay whose values kind-up installs."""
    nodes = yaml.safe_load((ROOT / "ci/kind.yaml").read_text())["nodes"]
    assert [node["role"] for node in nodes] == ["control-plane", "worker", "worker", "worker"]
    (mapping,) = nodes[0]["extraPortMappings"]
    values = yaml.safe_load((ROOT / "k8s/overlays/dev/values.yaml").read_text())
    assert mapping["containerPort"] == values["web"]["service"]["nodePort"]
