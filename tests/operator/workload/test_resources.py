"""The Job that a Workload becomes."""

import shlex
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from kubernetes_validate import validate
from lightkube.resources.batch_v1 import Job

from daytrader.cli.workload_job import job as command
from daytrader_operator.workload.resources import arguments, job
from tests.operator.workload.made import AROUND, MADE, UID, asked

COMMON = "workload job --url http://r-daytrader-web.trading.svc"
END = "--summary /dev/termination-log"
TLS = replace(AROUND, tls_secret="web-tls")
REQUIRED = replace(AROUND, tokens_secret="r-tokens")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (MADE, "--users 10 --commands 1000 --seed 42 --limit-time 3600"),
        (
            {"made": {"users": 1, "commands": 9, "seed": 7}, "loop": {"open": {"rate": 200}}, "duration": "10m"},
            "--users 1 --commands 9 --seed 7 --rate 200 --duration 600",
        ),
        ({"url": "http://x/y", "loop": {"open": {"rate": 0.5}}}, "--from http://x/y --rate 0.5 --limit-time 3600"),
        (
            {"configMap": {"name": "c", "key": "day.txt"}, "loop": {"closed": {"connections": 8}}, "processes": 2},
            "--file /workload/file --connections 8 --processes 2 --limit-time 3600",
        ),
        (MADE | {"verify": False}, "--users 10 --commands 1000 --seed 42 --limit-time 3600 --no-verify"),
    ],
)
def test_the_spec_becomes_arguments(spec: dict[str, Any], words: str) -> None:
    """Each of them by the option of the same meaning."""
    assert arguments(asked(spec), AROUND) == shlex.split(f"{COMMON} {words} {END}")


def test_web_may_be_another_one() -> None:
    """As through an Ingress."""
    assert arguments(asked(MADE | {"webUrl": "https://shop"}), AROUND)[:4] == [
        "workload",
        "job",
        "--url",
        "https://shop",
    ]


@pytest.mark.parametrize("around", [AROUND, TLS, REQUIRED])
@pytest.mark.parametrize(
    "spec",
    [
        MADE | {"duration": "5s", "processes": 2, "verify": False},
        {"url": "http://x/y", "loop": {"open": {"rate": 2.5}}},
    ],
)
def test_the_program_knows_every_argument(spec: dict[str, Any], around: Any) -> None:
    """The image's own parser takes them, up to the file that only its pod has."""
    words = arguments(asked(spec), around)[2:]
    found = CliRunner().invoke(command, [*words, "--help"])
    assert found.exit_code == 0, found.output


def test_the_job_has_one_try_and_an_end() -> None:
    """A second try would send everything again; the deadline leaves time for reading the log."""
    spec: Any = job(asked(MADE | {"duration": "10m"}), AROUND)["spec"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"]) == (0, 600 + 1800)
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert "ttlSecondsAfterFinished" not in spec


def test_it_belongs_to_its_workload() -> None:
    """So it goes when the workload is deleted, without anybody's doing."""
    metadata: Any = job(asked(), AROUND)["metadata"]
    assert metadata["name"] == "workload-day"
    owner = {"apiVersion": "daytrader.dev/v1alpha1", "kind": "Workload", "name": "day", "uid": UID, "controller": True}
    assert metadata["ownerReferences"] == [owner]


def test_pods_are_found_by_the_selectors_of_the_installation() -> None:
    """Network policies let component workload reach web, and nothing else."""
    made: Any = job(asked(), AROUND)
    for labels in (made["metadata"]["labels"], made["spec"]["template"]["metadata"]["labels"]):
        assert labels["app.kubernetes.io/name"] == "daytrader"
        assert labels["app.kubernetes.io/instance"] == "r"
        assert labels["app.kubernetes.io/component"] == "workload"


def test_its_pod_passes_restricted_and_has_no_token() -> None:
    """No rights, no root, nothing to write but its own empty directory."""
    pod: Any = job(asked(), AROUND)["spec"]
    pod = pod["template"]["spec"]
    container = pod["containers"][0]
    assert pod["automountServiceAccountToken"] is False
    assert pod["serviceAccountName"] == "r-daytrader"
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert [mount for mount in container["volumeMounts"] if not mount.get("readOnly")] == [
        {"name": "tmp", "mountPath": "/tmp"}  # noqa: S108
    ]
    assert container["terminationMessagePath"] in container["args"]


def test_the_file_is_the_one_key_of_its_config_map() -> None:
    """Mounted under the name that the arguments say."""
    made: Any = job(asked({"configMap": {"name": "c", "key": "day.txt"}, "loop": {"closed": {}}}), AROUND)
    pod = made["spec"]["template"]["spec"]
    assert {"name": "file", "configMap": {"name": "c", "items": [{"key": "day.txt", "path": "file"}]}} in pod["volumes"]
    assert {"name": "file", "mountPath": "/workload", "readOnly": True} in pod["containers"][0]["volumeMounts"]


def test_with_tls_only_the_ca_of_the_secret_is_mounted() -> None:
    """The private key of web is none of the load generator's business."""
    made: Any = job(asked(), TLS)
    pod = made["spec"]["template"]["spec"]
    secret = next(volume["secret"] for volume in pod["volumes"] if volume["name"] == "tls")
    assert secret["secretName"] == "web-tls"
    assert secret["items"] == [{"key": "ca.crt", "path": "ca.crt"}]
    assert pod["containers"][0]["args"][-4:] == ["--ca", "/tls/ca.crt", "--summary", "/dev/termination-log"]


@pytest.mark.parametrize(("verify", "key"), [(True, "admin"), (False, "broker")])
def test_where_tokens_are_required_it_shows_no_better_one_than_it_needs(verify: bool, key: str) -> None:
    """An admin's where it reads the whole log, else a broker's; the other is not in its pod."""
    made: Any = job(asked(MADE | {"verify": verify}), REQUIRED)
    pod = made["spec"]["template"]["spec"]
    secret = next(volume["secret"] for volume in pod["volumes"] if volume["name"] == "auth")
    assert secret == {"secretName": "r-tokens", "items": [{"key": key, "path": "token"}], "defaultMode": 0o440}
    assert {"name": "auth", "mountPath": "/auth", "readOnly": True} in pod["containers"][0]["volumeMounts"]
    assert shlex.join(pod["containers"][0]["args"]).endswith(f"--token-file /auth/token {END}")


def test_a_web_of_its_own_gets_no_token_of_the_installation() -> None:
    """Else whoever may create Workloads could have it sent to a web that writes it down."""
    made: Any = job(asked(MADE | {"webUrl": "https://shop"}), REQUIRED)
    pod = made["spec"]["template"]["spec"]
    assert [volume["name"] for volume in pod["volumes"]] == ["tmp"]
    assert "--token-file" not in pod["containers"][0]["args"]


def test_images_are_pulled_as_everywhere_in_the_installation() -> None:
    """The same policy and the same Secrets."""
    around = replace(AROUND, pull_policy="Always", pull_secrets=("one", "two"))
    made: Any = job(asked(), around)
    pod = made["spec"]["template"]["spec"]
    assert pod["imagePullSecrets"] == [{"name": "one"}, {"name": "two"}]
    assert pod["containers"][0]["imagePullPolicy"] == "Always"


@pytest.mark.parametrize("around", [AROUND, TLS, REQUIRED, replace(AROUND, pull_secrets=("one",))])
@pytest.mark.parametrize("source", [{"made": {"users": 1, "commands": 2}}, {"configMap": {"name": "c", "key": "k"}}])
def test_it_is_a_job_by_the_schema_of_kubernetes(source: dict[str, Any], around: Any) -> None:
    """No field is misspelt, and none has the wrong type."""
    made = job(asked({**source, "loop": {"closed": {}}}), around)
    validate(made, "1.34", strict=True)
    assert msgspec.convert(made, Job).to_dict() == made
