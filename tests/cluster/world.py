"""What every case works with: the settings, the cluster's programs, the one shared installation, the figures."""

import sys
import time
from datetime import datetime
from pathlib import Path

from tests.cluster.installation import Installation
from tests.cluster.outcome import Figure
from tests.cluster.settings import Settings
from tests.cluster.shell import CaseFailedError, OutOfTimeError


class World:
    """One run of the suite."""

    def __init__(self, settings: Settings, directory: Path) -> None:
        """`directory` takes what is worth a look afterwards."""
        self.settings = settings
        self.directory = directory
        self.figures: dict[str, Figure] = {}
        self._case = ""
        self.shared = Installation(settings, settings.namespace)
        """The installation that most cases share; use `installation()` unless it need not be well."""
        self._installations = {settings.namespace: self.shared}

    def start(self, case: str) -> None:
        """Begin a case: no figures yet."""
        self._case = case
        self.figures = {}

    def say(self, text: str) -> None:
        """Tell the user what is going on."""
        print(f"{datetime.now():%H:%M:%S} {text}", file=sys.stderr, flush=True)  # noqa: DTZ005, T201  for eyes, here

    def figure(self, name: str, value: Figure) -> None:
        """Record a figure of the case that runs; its name tells the unit."""
        self.figures[name] = round(value, 3) if isinstance(value, float) else value
        self.say(f"   {name}: {self.figures[name]}")

    def installation(self) -> Installation:
        """Return the shared installation, installed if it is not there, with the base values, whole and ready."""
        began = time.monotonic()
        self.shared.settle(self.say)
        waited = time.monotonic() - began
        if waited > 10:
            self.say(f"   the installation was ready after {waited:.0f} s")
        return self.shared

    def another(self, ending: str) -> Installation:
        """Return an installation of its own (not installed) in the namespace of that ending."""
        namespace = f"{self.settings.namespace}-{ending}"
        return self._installations.setdefault(namespace, Installation(self.settings, namespace))

    def remove(self) -> None:
        """Remove every installation that a case used, with its volumes."""
        for installation in self._installations.values():
            installation.remove()

    def out(self) -> Path:
        """Return a directory for what the case that runs wants to leave."""
        directory = self.directory / self._case
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    def keep_evidence(self) -> Path:
        """Write what the cluster shows of the installations into the case's directory, and return that."""
        directory = self.out()
        for namespace, installation in self._installations.items():
            kubectl = installation.kubectl
            for name, command in {
                "objects": ("get", "pods,deployments,statefulsets,mrs,wl,jobs,pvc,hpa", "--output=wide"),
                "events": ("get", "events", "--sort-by=.lastTimestamp"),
                "resources": ("get", "mrs,wl", "--output=yaml"),
                "logs": ("logs", "--selector=app.kubernetes.io/name=daytrader", "--all-containers", "--tail=200"),
            }.items():
                options = ("--prefix", "--max-log-requests=50") if name == "logs" else ()
                try:
                    _, said, error = kubectl.attempt(*command, *options, seconds=30)
                except (CaseFailedError, OutOfTimeError) as failure:
                    said, error = "", str(failure)
                (directory / f"{namespace}-{name}.txt").write_text(said + error)
        return directory
