"""The Secrets in the cluster, against a stand-in for the API server."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from daytrader.auth.password import refusal
from daytrader.auth.token import id_of
from daytrader_operator.credentials.secrets import Secrets, new_secret
from daytrader_operator.kubernetes import KubernetesError
from tests.operator.stand_in import StandIn


class Stage:
    """A namespace with a web Service, and the part under test."""

    def __init__(self) -> None:
        self.api = StandIn()
        self.service = self.api.put("Service", "r-web")
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.secrets = Secrets(self.api, instance="r", owner="r-web", now=lambda: self.now, make=self._make)
        self._made = 0

    def _make(self) -> str:
        self._made += 1
        return f"secret{self._made}"

    def meanwhile(self) -> str:
        """Another one changes the Secret between our reading and our writing."""
        self.metadata("r-internal")["resourceVersion"] = "another"
        return "too late"

    def value(self, name: str, key: str) -> str:
        """What the Secret holds."""
        return base64.b64decode(self.api.objects["Secret", name]["data"][key]).decode()

    def metadata(self, name: str) -> dict[str, Any]:
        """Its metadata."""
        found: dict[str, Any] = self.api.objects["Secret", name]["metadata"]
        return found


async def test_what_is_missing_is_made() -> None:
    """Each with a secret of its own, and owned by the installation, so that an uninstall takes it along."""
    stage = Stage()
    await stage.secrets.keep_password("r-redis")
    await stage.secrets.keep_tokens("r-internal")
    assert stage.value("r-redis", "password") == "secret1"
    assert stage.value("r-internal", "tokens") == "secret2\n"
    for name in ("r-redis", "r-internal"):
        (owner,) = stage.metadata(name)["ownerReferences"]
        assert (owner["kind"], owner["uid"]) == ("Service", stage.service["metadata"]["uid"])
        assert stage.metadata(name)["labels"]["app.kubernetes.io/instance"] == "r"


async def test_nothing_is_made_that_nobody_would_remove() -> None:
    """While its owner is not there, as during an uninstall."""
    stage = Stage()
    del stage.api.objects["Service", "r-web"]
    await stage.secrets.keep_password("r-redis")
    await stage.secrets.keep_admin_password("r-admin")
    await stage.secrets.keep_bearer_tokens("r-tokens")
    assert stage.api.writes == []


async def test_what_one_signs_in_and_trades_with_first_is_made() -> None:
    """A password and tokens that web takes; they stay when the installation goes, as its volumes do."""
    stage = Stage()
    await stage.secrets.keep_admin_password("r-admin")
    await stage.secrets.keep_bearer_tokens("r-tokens")
    assert not refusal(stage.value("r-admin", "password"))
    ids = {id_of(stage.value("r-tokens", key)) for key in ("broker", "admin")}
    assert len(ids - {""}) == 2
    for name in ("r-admin", "r-tokens"):
        assert not stage.metadata(name).get("ownerReferences")
        assert stage.metadata(name)["labels"]["app.kubernetes.io/instance"] == "r"


@pytest.mark.parametrize("data", [{"password": "b2xk", "tokens": "b2xk"}, {"password": "", "tokens": "b2xk"}])
async def test_what_is_there_is_never_overwritten(data: dict[str, str]) -> None:
    """Whoever made it."""
    stage = Stage()
    for name in ("r-redis", "r-internal"):
        stage.api.put("Secret", name, data=data)
    await stage.secrets.keep_password("r-redis")
    await stage.secrets.keep_tokens("r-internal")
    await stage.secrets.keep_admin_password("r-redis")
    await stage.secrets.keep_bearer_tokens("r-internal")
    assert stage.api.writes == []


async def test_what_an_earlier_installation_has_left_is_adopted() -> None:
    """With what it holds, for its pods may have started with that; it is left alone while there is no new owner."""
    stage = Stage()
    left = {"apiVersion": "v1", "kind": "Service", "name": "r-web", "uid": "gone"}
    for name in ("r-redis", "r-internal"):
        stage.api.put("Secret", name, data={"password": "b2xk", "tokens": "b2xk"}, metadata={"ownerReferences": [left]})
    service = stage.api.objects.pop(("Service", "r-web"))
    for there in (False, True, True):
        if there:
            stage.api.objects["Service", "r-web"] = service
        await stage.secrets.keep_password("r-redis")
        await stage.secrets.keep_tokens("r-internal")
        assert stage.api.writes == ["patch Secret r-redis", "patch Secret r-internal"] * there
    for name, key in (("r-redis", "password"), ("r-internal", "tokens")):
        assert stage.metadata(name)["ownerReferences"] == [left | {"uid": service["metadata"]["uid"]}]
        assert stage.value(name, key) == "old"


async def test_a_secret_that_somebody_else_owns_stays_theirs() -> None:
    """Only what the Service of this installation's name has left is adopted."""
    stage = Stage()
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "theirs"}
    stage.api.put("Secret", "r-redis", data={"password": "b2xk"}, metadata={"ownerReferences": [theirs]})
    await stage.secrets.keep_password("r-redis")
    assert stage.api.writes == []


async def test_a_rotation_is_carried_through_with_an_event_for_each_phase() -> None:
    """Tokens and phase change together, one token a line."""
    stage = Stage()
    stage.api.put("Secret", "r-internal", data={"tokens": base64.b64encode(b"old\n").decode()})
    stage.metadata("r-internal")["annotations"] = {"daytrader.dev/rotate": "monday"}
    held = []
    for _ in range(4):
        await stage.secrets.keep_tokens("r-internal")
        held.append(stage.value("r-internal", "tokens"))
        stage.now += timedelta(seconds=150)
    assert held == ["old\nsecret1\n", "secret1\nold\n", "secret1\n", "secret1\n"]
    assert [event[1] for event in stage.api.events] == ["TokenAdded", "TokenSent", "TokenRotated"]
    assert stage.metadata("r-internal")["annotations"] == {
        "daytrader.dev/rotate": "monday",
        "daytrader.dev/rotated": "monday",
    }


async def test_a_secret_that_somebody_else_changes_meanwhile_is_looked_at_again() -> None:
    """Two operators for a moment take one step between them."""
    stage = Stage()
    stage.api.put("Secret", "r-internal", data={"tokens": "b2xk"})
    stage.metadata("r-internal")["annotations"] = {"daytrader.dev/rotate": "monday"}
    first = stage.secrets.keep_tokens
    stage.secrets = Secrets(stage.api, instance="r", owner="r-web", now=lambda: stage.now, make=stage.meanwhile)
    with pytest.raises(KubernetesError):
        await stage.secrets.keep_tokens("r-internal")
    assert (stage.value("r-internal", "tokens"), stage.api.events) == ("old", [])
    await first("r-internal")
    assert stage.value("r-internal", "tokens") == "old\nsecret1\n"


def test_secrets_are_long_and_need_no_quoting() -> None:
    """Neither in a header, nor in a URL, nor in a shell."""
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(len(text) == 64 and text.isalnum() for text in made)
