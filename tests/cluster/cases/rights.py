"""What the pods may do: service accounts, tokens, pod security."""

import json
from typing import Final

from tests.cluster.case import case
from tests.cluster.kubectl import Kubectl, Object
from tests.cluster.shell import require
from tests.cluster.world import World

NEVER: Final = (
    ("create", "pods/exec"),
    ("create", "pods/attach"),
    ("create", "pods/portforward"),
    ("create", "pods"),
    ("delete", "pods"),
    ("delete", "persistentvolumeclaims"),
    ("delete", "secrets"),
    ("list", "secrets"),
    ("create", "serviceaccounts/token"),
    ("create", "roles"),
    ("create", "rolebindings"),
    ("escalate", "roles"),
    ("bind", "roles"),
    ("impersonate", "users"),
    ("get", "nodes"),
    ("create", "customresourcedefinitions"),
)
"""What nobody of ours may do."""

ELSEWHERE: Final = (("get", "pods"), ("get", "secrets"), ("list", "mongoreplicasets"), ("create", "statefulsets"))
"""What the operator may do at home, or not even there, and nowhere else."""


@case("service-accounts", minutes=4)
def _(world: World) -> None:
    """Service accounts may do what their Roles list and nothing else; only the operator's may do anything at all."""
    installation = world.installation()
    kubectl = installation.kubectl
    accounts = [each["metadata"]["name"] for each in kubectl.objects("serviceaccounts")]
    everyones = _may(kubectl, installation.namespace, "default")
    listed = []
    for account in accounts:
        extra = sorted(_may(kubectl, installation.namespace, account) - everyones)
        listed += [f"{account}: {right}" for right in extra] or [f"{account}: nothing"]
        world.figure(f"rights of {account}", len(extra))
        if account == installation.name("operator"):
            granted = _granted(kubectl, installation.name("operator"))
            require(
                set(extra) == granted,
                f"{account} may do {sorted(set(extra) ^ granted)} more or less than its Role says",
            )
        else:
            require(not extra, f"{account} may do something: {extra}")
        for verb, resource in NEVER:
            require(
                not _can(kubectl, installation.namespace, account, verb, resource), f"{account} may {verb} {resource}"
            )
        for verb, resource in ELSEWHERE:
            there = Kubectl("kube-system")
            require(
                not _can(there, installation.namespace, account, verb, resource),
                f"{account} may {verb} {resource} in kube-system",
            )
    path = world.out() / "rights.txt"
    path.write_text("\n".join(listed) + "\n")
    world.figure("list", str(path))


@case("pod-security", minutes=4)
def _(world: World) -> None:
    """Every pod is admitted under "restricted"; only the operator's has a token for the API server."""
    installation = world.installation()
    kubectl = installation.kubectl
    level = kubectl.get("namespace", installation.namespace)["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    require(level == "restricted", f"namespace {installation.namespace} enforces {level}, not restricted")
    # A change of the standard's version, tried on the server, warns of every pod that it would not admit now.
    change = ("label", "namespace", installation.namespace, "--dry-run=server")
    _, _, warned = kubectl.attempt(*change, "pod-security.kubernetes.io/enforce-version=v1.30")
    require("violate" not in warned, f"not every pod is restricted: {warned}")
    pods = [pod for pod in kubectl.objects("pods") if pod["status"].get("phase") == "Running"]
    world.figure("pods under restricted", len(pods))
    with_token = sorted({_component(pod) for pod in pods if _has_token(pod)})
    world.figure("with a token", ", ".join(with_token))
    require(
        with_token == ["operator"], f"pods of {with_token} have a token for the API server, only the operator needs one"
    )
    for pod in pods:
        for container in pod["spec"]["containers"]:
            name = f"{pod['metadata']['name']}/{container['name']}"
            require(
                container["securityContext"].get("readOnlyRootFilesystem"), f"{name} can write to its root file system"
            )


def _may(kubectl: Kubectl, namespace: str, account: str) -> set[str]:
    """Return what an account may do in its namespace, as RESOURCE VERB."""
    rules = _review(kubectl, namespace, account)
    return {
        f"{group + '/' if group else ''}{resource} {verb}"
        for rule in rules
        for group in rule.get("apiGroups", [])
        for resource in rule.get("resources", [])
        for verb in rule.get("verbs", [])
    }


def _review(kubectl: Kubectl, namespace: str, account: str) -> list[Object]:
    """Ask the API server, as that account, for the rules that hold for it."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    # Not validated here: kubectl would ask for the schemas as that account, which may not see them.
    options = (f"--as=system:serviceaccount:{namespace}:{account}", "--validate=false", "--output=json")
    answer = json.loads(kubectl("create", *options, "--filename=-", stdin=json.dumps(review)))
    rules: list[Object] = answer["status"]["resourceRules"]
    return rules


def _granted(kubectl: Kubectl, role: str) -> set[str]:
    rules = kubectl.get("role", role)["rules"]
    return {
        f"{group + '/' if group else ''}{resource} {verb}"
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def _can(kubectl: Kubectl, home: str, account: str, verb: str, resource: str) -> bool:
    _, said, _ = kubectl.attempt("auth", "can-i", verb, resource, f"--as=system:serviceaccount:{home}:{account}")
    return said.strip().endswith("yes")


def _component(pod: Object) -> str:
    return str(pod["metadata"]["labels"].get("app.kubernetes.io/component"))


def _has_token(pod: Object) -> bool:
    return any(
        "serviceAccountToken" in source
        for volume in pod["spec"].get("volumes", [])
        for source in volume.get("projected", {}).get("sources", [])
    )
