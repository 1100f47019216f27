"""The objects of a set, as the API server gets them."""

from typing import Any

import kubernetes_validate
import pytest

from daytrader_operator import resources
from daytrader_operator.facts import Certificate
from tests.operator.sets import KEY, NAME, wanted

FULL: dict[str, Any] = {
    "members": 5,
    "image": "mongo:8.0.1",
    "imagePullSecrets": [{"name": "pull"}],
    "storage": {"size": "3Gi", "className": "fast"},
    "cacheGB": 0.5,
    "oplogMB": 1024,
    "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}},
    "tls": {"secretName": "certificate"},
    "nodeSelector": {"disk": "fast"},
    "tolerations": [{"key": "db", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {}}
    ],
    "podAnnotations": {"note": "text"},
    "priorityClassName": "high",
}


def made(**spec: Any) -> dict[str, Any]:
    """The StatefulSet."""
    found: dict[str, Any] = resources.stateful_set(wanted(**spec), KEY, 3).to_dict()
    return found


def pod(**spec: Any) -> dict[str, Any]:
    """The pod's spec."""
    found: dict[str, Any] = made(**spec)["spec"]["template"]["spec"]
    return found


@pytest.mark.parametrize("spec", [{}, FULL])
def test_all_objects_are_valid(spec: dict[str, Any]) -> None:
    """Every object is of Kubernetes' schema, strictly."""
    desired = wanted(**spec)
    objects: list[Any] = [
        resources.stateful_set(desired, KEY, 3),
        resources.service(desired),
        resources.disruption_budget(desired),
        resources.keyfile(desired, KEY),
        resources.user(desired, "u", "p"),
        resources.certificate(desired, Certificate("a", "b", "c")),
    ]
    for found in objects:
        kind = type(found)
        document = {
            "apiVersion": kind._api_info.resource.api_version,
            "kind": kind._api_info.resource.kind,
            **found.to_dict(),
        }
        kubernetes_validate.validate(document, "1.34", strict=True)


def test_pods_are_restricted() -> None:
    """The pod is admitted under the "restricted" standard: no root, no capability, no way up, nothing to write on."""
    found = pod()
    security = found["securityContext"]
    assert security["runAsNonRoot"] is True
    assert (security["runAsUser"], security["runAsGroup"], security["fsGroup"]) == (999, 999, 999)
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert found["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert found["automountServiceAccountToken"] is False
    assert {kind for volume in found["volumes"] for kind in volume} == {"name", "emptyDir", "secret"}


def test_the_labels_are_those_of_the_installation() -> None:
    """Pods carry instance and component of their resource; what is selected is the set alone."""
    found = made()
    labels = found["spec"]["template"]["metadata"]["labels"]
    assert labels["app.kubernetes.io/instance"] == "dt"
    assert labels["app.kubernetes.io/component"] == "data-set"
    assert found["spec"]["selector"]["matchLabels"] == {"daytrader.dev/replica-set": NAME}
    assert resources.service(wanted()).to_dict()["spec"]["selector"] == {"daytrader.dev/replica-set": NAME}


def test_every_object_goes_with_its_resource() -> None:
    """The resource owns all of them, and blocks nobody's deletion; volumes are kept."""
    desired = wanted()
    for found in (resources.service(desired), resources.keyfile(desired, KEY), resources.user(desired, "u", "p")):
        owner = found.to_dict()["metadata"]["ownerReferences"][0]
        assert (owner["kind"], owner["name"], owner["uid"]) == ("MongoReplicaSet", NAME, "own")
        assert "blockOwnerDeletion" not in owner
        assert "finalizers" not in found.to_dict()["metadata"]
    kept = made()["spec"]["persistentVolumeClaimRetentionPolicy"]
    assert kept == {"whenDeleted": "Retain", "whenScaled": "Retain"}


def test_probes_ask_the_port_and_the_operator_says_the_rest() -> None:
    """No probe runs a program of the image, and readiness waits for the operator's gate."""
    found = pod()
    container = found["containers"][0]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["tcpSocket"] == {"port": "mongodb"}
    assert container["startupProbe"]["periodSeconds"] * container["startupProbe"]["failureThreshold"] >= 3600
    assert found["readinessGates"] == [{"conditionType": "daytrader.dev/in-the-set"}]
    assert found["terminationGracePeriodSeconds"] >= 60


def test_members_find_each_other_before_they_are_ready() -> None:
    """The Service names members that are not ready, and all pods are made at once."""
    assert resources.service(wanted()).to_dict()["spec"]["publishNotReadyAddresses"] is True
    assert made()["spec"]["podManagementPolicy"] == "Parallel"
    assert made()["spec"]["updateStrategy"] == {"type": "OnDelete"}


def test_mongod_is_started_as_everywhere() -> None:
    """With the keyfile, without the localhost exception, with the sizes of the resource; TLS where it is wanted."""
    arguments = pod()["containers"][0]["args"]
    assert arguments[:2] == ["--replSet", NAME]
    assert "enableLocalhostAuthBypass=false" in arguments
    assert "--tlsMode" not in arguments
    full = pod(**FULL)["containers"][0]["args"]
    assert full[full.index("--wiredTigerCacheSizeGB") + 1] == "0.5"
    assert full[full.index("--oplogSize") + 1] == "1024"
    assert full[full.index("--tlsMode") + 1] == "requireTLS"
    assert "--tlsAllowConnectionsWithoutCertificates" in full


def test_the_digest_tells_what_matters() -> None:
    """Another number of replicas is the same StatefulSet; another image, key or restart annotation is another."""

    def digest(key: str = KEY, replicas: int = 3, **spec: Any) -> str:
        return resources.applied_digest(resources.stateful_set(wanted(**spec), key, replicas).metadata)

    assert digest() == digest(replicas=5)
    assert len({digest(), digest(image="mongo:8.1"), digest("another key"), digest(podAnnotations={"a": "b"})}) == 4


def test_the_uri_names_the_first_three_members() -> None:
    """With user, database, set name and TLS, in a form that a URI may have."""
    assert resources.uri(wanted(members=5, tls={"secretName": "x"}), "us/er", "p@ss") == (
        "mongodb://us%2Fer:p%40ss@"
        + ",".join(f"{NAME}-{n}.{NAME}.trading.svc.cluster.local:27017" for n in range(3))
        + f"/daytrader?replicaSet={NAME}&authSource=admin&tls=true"
    )
