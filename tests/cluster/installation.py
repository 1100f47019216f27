"""One installation of the chart in a namespace of its own: its values, its parts, and bringing it to its base again."""

import base64
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

import yaml

from tests.cluster.helm import Helm, Values, merged
from tests.cluster.kubectl import Kubectl, Object, is_true
from tests.cluster.settings import Settings
from tests.cluster.shell import CaseFailedError, require, wait_until

SETS: Final = ("data-set", "audit-set")
SERVICES: Final = ("web", "transaction", "audit", "quotes", "redis", "operator")
"""The components that are Deployments."""

READY_SECONDS: Final = 240.0
"""An installation that was disturbed is whole again in less."""


class Installation:
    """A release in a namespace that admits "restricted" pods only."""

    def __init__(self, settings: Settings, namespace: str) -> None:
        self.settings = settings
        self.namespace = namespace
        self.kubectl = Kubectl(namespace)
        self.helm = Helm(settings.release, namespace)
        release = settings.release
        self.fullname = release if "daytrader" in release else f"{release}-daytrader"

    def name(self, component: str) -> str:
        """Return the name of a component's objects."""
        return f"{self.fullname}-{component}"

    def selector(self, component: str) -> str:
        """Return the selector of a component's pods."""
        return f"app.kubernetes.io/instance={self.settings.release},app.kubernetes.io/component={component}"

    def token(self, role: Literal["broker", "admin"]) -> str:
        """Return the text of the first token of that role; empty where nobody made any, for all is open."""
        if not self.kubectl.exists("secret", self.name("tokens")):
            return ""
        return self.secret("tokens", role)

    def secret(self, name: str, key: str) -> str:
        """Return what one of the installation's Secrets holds under a key."""
        return base64.b64decode(self.kubectl.get("secret", self.name(name))["data"][key]).decode()

    @cached_property
    def base_values(self) -> Values:
        """The values of the shared installation, over the chart's own, which are the small profile."""
        repository, _, tag = self.settings.image.rpartition(":")
        values: Values = {
            "image": {"repository": repository, "tag": tag},
            "autoscaling": {"provider": "none"},
            "web": {"service": {"type": "NodePort"}},
            "ingress": {"enabled": bool(self.kubectl.objects("ingressclasses"))},
        }
        if self.settings.mongo_image:
            values = merged(values, {"mongodb": {"image": self.settings.mongo_image}})
        if self.settings.redis_image:
            values = merged(values, {"redis": {"image": self.settings.redis_image}})
        if self.settings.values:
            values = merged(values, yaml.safe_load(Path(self.settings.values).read_text()))
        return values

    def values(self, over: Values | None = None) -> Values:
        """Return the base values with those of `over` in them."""
        return merged(self.base_values, over or {})

    def make_namespace(self) -> None:
        """Make the namespace, where only pods of the standard "restricted" are admitted."""
        labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
        self.kubectl.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace, "labels": labels}}
        )

    def install(self, over: Values | None = None, *, minutes: float = 6.0) -> None:
        """Make the namespace and install the chart; wait until all is ready."""
        self.make_namespace()
        self.helm.install(self.values(over), minutes=minutes)

    def upgrade(self, over: Values | None = None, *, minutes: float = 6.0) -> None:
        """Upgrade to the base values with those of `over` in them; wait until all is ready."""
        self.helm.upgrade(self.values(over), minutes=minutes)

    def remove(self) -> None:
        """Remove release and namespace, with the volumes and all."""
        if self.helm.status():
            self.helm.uninstall()
        self.kubectl.delete("namespace", self.namespace, seconds=180)

    def pods(self, component: str) -> list[Object]:
        """Return the component's pods that are not on their way out."""
        pods = self.kubectl.objects("pods", self.selector(component))
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]

    def pod(self, component: str) -> Object:
        """Return one pod of the component that is ready."""
        for pod in self.pods(component):
            if is_true(pod, "Ready"):
                return pod
        raise CaseFailedError(f"no pod of {component} is ready in {self.namespace}")

    def replica_set(self, component: str) -> Object:
        """Return the MongoReplicaSet of a set."""
        return self.kubectl.get("mrs", self.name(component))

    def primary(self, component: str) -> str:
        """Return the name of the pod that is a set's primary."""
        primary = str(self.replica_set(component).get("status", {}).get("primary") or "")
        require(primary, f"status of {self.name(component)} names no primary")
        return primary.partition(".")[0].partition(":")[0]

    def secondary(self, component: str) -> str:
        """Return the name of a pod that is a member of a set and not its primary."""
        primary = self.primary(component)
        return next(name for name in self.members(component) if name != primary)

    def members(self, component: str) -> list[str]:
        """Return the names of a set's pods."""
        return sorted(pod["metadata"]["name"] for pod in self.pods(component))

    def scale(self, component: str, replicas: int) -> None:
        """Scale a Deployment, or a replica set, by hand."""
        kind = "mrs" if component in SETS else "deployment"
        self.kubectl("scale", kind, self.name(component), f"--replicas={replicas}")

    def set_is_whole(self, component: str, members: int) -> bool:
        """Return whether a replica set is Ready with so many members."""
        found = self.replica_set(component)
        return is_true(found, "Ready") and found["status"].get("members") == f"{members}/{members}"

    def wait_set(self, component: str, members: int, *, seconds: float = READY_SECONDS) -> float:
        """Wait until a replica set is Ready with so many members; return the seconds that it took."""
        what = f"{self.name(component)} to be Ready with {members}/{members}"
        return wait_until(what, lambda: self.set_is_whole(component, members), seconds=seconds)

    def wait_pods(self, component: str, count: int, *, seconds: float = 120.0) -> None:
        """Wait until a component has exactly so many pods, those on their way out counted."""
        selector = self.selector(component)
        what = f"{count} pods of {component}"
        wait_until(what, lambda: len(self.kubectl.objects("pods", selector)) == count, seconds=seconds)

    def wait_ready(self, *, seconds: float = READY_SECONDS) -> None:
        """Wait until every Deployment has all replicas ready, and nothing else, and both sets are whole."""
        for component in SERVICES:
            self.kubectl.rollout_status(f"deployment/{self.name(component)}", seconds=seconds)
        for component in SETS:
            self.wait_set(component, self._base_count(component), seconds=seconds)

    def settle(self, say: Callable[[str], None]) -> None:
        """Bring the installation to its base values, whole and ready; install it where it is not."""
        self._uncordon()
        status = self.helm.status()
        if not status:
            say("   installing")
            self.install()
            return
        if status != "deployed" or self.helm.given() != self.base_values or self._has_other_images():
            say("   back to the base values")
            self.upgrade()
        for component in (*SERVICES, *SETS):
            kind = "mrs" if component in SETS else "deployment"
            spec = self.kubectl.get(kind, self.name(component))["spec"]
            count = self._base_count(component)
            if spec["members" if component in SETS else "replicas"] != count:
                self.scale(component, count)
        self.wait_ready()

    def _has_other_images(self) -> bool:
        deployments = {each["metadata"]["name"]: each for each in self.kubectl.objects("deployments")}
        names = [self.name(component) for component in SERVICES]
        return any(name not in deployments for name in names) or any(
            _image(deployments[name]) != _image(self._rendered[name]) for name in names
        )

    def _base_count(self, component: str) -> int:
        spec = self._rendered[self.name(component)]["spec"]
        return int(spec["members"] if component in SETS else spec["replicas"])

    @cached_property
    def _rendered(self) -> dict[str, Object]:
        text = self.helm.template(self.base_values)
        found = [each for each in yaml.safe_load_all(text) if each]
        return {each["metadata"]["name"]: each for each in found if each["kind"] in ("Deployment", "MongoReplicaSet")}

    def _uncordon(self) -> None:
        for node in self.kubectl.objects("nodes"):
            if node["spec"].get("unschedulable"):
                self.kubectl("uncordon", node["metadata"]["name"])


def _image(deployment: Object) -> str:
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])
