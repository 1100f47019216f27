"""helm, for one release in one namespace."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from tests.cluster.settings import CHART
from tests.cluster.shell import attempt, run

Values = Mapping[str, object]
"""Chart values, as a tree."""


def apply_definitions() -> None:
    """Bring the resource definitions of the cluster to the chart's, under helm's name: installs take them over."""
    options = ("--server-side", "--force-conflicts", "--field-manager=helm")
    run("kubectl", "apply", *options, "--filename", CHART / "crds")


@dataclass(frozen=True)
class Helm:
    """Runs helm for one release of the chart."""

    release: str
    namespace: str

    def status(self) -> str:
        """Return helm's word for how the release is, "deployed" at its best; empty where it is not there."""
        releases = json.loads(run("helm", "list", "--namespace", self.namespace, "--output", "json"))
        return next((str(each["status"]) for each in releases if each["name"] == self.release), "")

    def given(self) -> Values:
        """Return the values that the release was given."""
        said = run("helm", "get", "values", self.release, "--namespace", self.namespace, "--output", "json")
        values: Values = json.loads(said) or {}
        return values

    def install(self, values: Values, *, minutes: float = 6.0) -> None:
        """Install the chart with `--wait`."""
        self._change("install", values, minutes=minutes)

    def upgrade(self, values: Values, *, minutes: float = 6.0) -> None:
        """Upgrade the release to exactly these values with `--wait`; what was changed by hand gives way."""
        self._change("upgrade", values, "--reset-values", "--force-conflicts", minutes=minutes)

    def _change(self, verb: str, values: Values, *options: str, minutes: float) -> None:
        run(
            *("helm", verb, self.release, CHART, "--namespace", self.namespace, "--values", "-"),
            *("--wait", f"--timeout={minutes:.0f}m", *options),
            stdin=yaml.safe_dump(dict(values)),
            seconds=minutes * 60 + 20,
        )

    def test(self, *, minutes: float = 5.0) -> str:
        """Run the release's tests; return what helm printed."""
        return run(
            *("helm", "test", self.release, "--namespace", self.namespace, f"--timeout={minutes:.0f}m"),
            seconds=minutes * 60 + 20,
        )

    def uninstall(self, *, seconds: float = 180.0) -> None:
        """Remove the release, and wait until all of it is gone."""
        run(
            *("helm", "uninstall", self.release, "--namespace", self.namespace),
            *("--wait", f"--timeout={seconds:.0f}s"),
            seconds=seconds + 20,
        )

    def template(self, values: Values) -> str:
        """Return the rendered templates."""
        return run(
            *("helm", "template", self.release, CHART, "--namespace", self.namespace, "--values", "-"),
            stdin=yaml.safe_dump(dict(values)),
        )

    def refusal(self, values: Values) -> str:
        """Return what helm says against these values; empty where it takes them."""
        status, _, error = attempt(
            *("helm", "template", self.release, CHART, "--namespace", self.namespace, "--values", "-"),
            stdin=yaml.safe_dump(dict(values)),
        )
        return error if status else ""


def merged(base: Values, over: Values) -> Values:
    """Return `base` with the values of `over` in it, tree by tree."""
    result = dict(base)
    for name, value in over.items():
        known = result.get(name)
        result[name] = merged(known, value) if isinstance(known, Mapping) and isinstance(value, Mapping) else value
    return result
