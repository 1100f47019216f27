"""What each service account may do."""

import pytest

from tests.chart.rendering import Object, Rendered, render

OPERATOR = {
    "daytrader.dev/mongoreplicasets": "get list watch",
    "daytrader.dev/mongoreplicasets/status": "patch",
    "daytrader.dev/workloads": "get list watch",
    "daytrader.dev/workloads/status": "patch",
    "apps/statefulsets": "create delete get list patch watch",
    "policy/poddisruptionbudgets": "create get patch",
    "batch/jobs": "create get",
    "batch/cronjobs": "get",
    "services": "create get patch",
    "secrets": "create get patch",
    "configmaps": "get",
    "pods": "list watch",
    "pods/status": "patch",
    "pods/eviction": "create",
    "persistentvolumeclaims": "list patch",
    "events": "create",
}

BREAKING = {"pods": "delete list", "daytrader.dev/mongoreplicasets": "list", "configmaps": "get patch"}
"""What web may do besides, where operations.breaking is on."""

RIGHTS = {"daytrader": {}, "daytrader-operator": OPERATOR}
"""By service account: verbs, by what they are about. What is not here is not allowed to anybody."""


def allowed(rendered: Rendered, account: str) -> dict[str, str]:
    """What the roles bound to an account allow."""
    assert not rendered.of_kind("ClusterRoleBinding")
    found: dict[str, set[str]] = {}
    for binding in rendered.of_kind("RoleBinding").values():
        if any(subject["name"] == account for subject in binding["subjects"]):
            for rule in rendered.one(binding["roleRef"]["kind"], binding["roleRef"]["name"])["rules"]:
                for group in rule["apiGroups"]:
                    for resource in rule["resources"]:
                        found.setdefault(f"{group}/{resource}".lstrip("/"), set()).update(rule["verbs"])
    return {resource: " ".join(sorted(verbs)) for resource, verbs in found.items()}


def test_service_accounts_may_do_what_is_listed(small: Rendered) -> None:
    """There are no other accounts, none may do more than the table says, and nothing outside of the namespace."""
    accounts = small.of_kind("ServiceAccount")
    assert {account: allowed(small, account) for account in accounts} == RIGHTS


def test_no_right_is_over_everything(rendered: Rendered) -> None:
    """No wildcard, no command run in a pod, no impersonation, no role that hands out rights."""
    roles = [*rendered.of_kind("Role").values(), *rendered.of_kind("ClusterRole").values()]
    for rule in (rule for role in roles for rule in role["rules"]):
        words = {*rule.get("resources", []), *rule["verbs"], *rule.get("apiGroups", [])}
        assert not words & {
            "*",
            "pods/exec",
            "pods/attach",
            "pods/ephemeralcontainers",
            "impersonate",
            "bind",
            "escalate",
        }


def test_only_the_operator_gets_a_token(small: Rendered) -> None:
    """A pod that has nothing to say to the API server cannot."""
    tokens = {name: pod["spec"]["automountServiceAccountToken"] for name, pod in small.pods()}
    assert [name for name, mounted in tokens.items() if mounted] == ["Deployment daytrader-operator"]
    assert all(each["automountServiceAccountToken"] is False for each in small.of_kind("ServiceAccount").values())


def account_of(pod: Object) -> str:
    """The service account that a pod runs under."""
    name = pod["spec"]["serviceAccountName"]
    assert isinstance(name, str)
    return name


@pytest.mark.parametrize("release", ["daytrader", "other"])
def test_every_pod_runs_under_an_account_of_the_release(release: str) -> None:
    """None runs under the namespace's default account, whose rights are others' business."""
    rendered = render({}, release)
    assert {account_of(pod) for _, pod in rendered.pods()} == set(rendered.of_kind("ServiceAccount"))
