"""All cases. The whole suite runs them in the order of these modules, and in each from top to bottom."""

from importlib import import_module
from typing import Final

MODULES: Final = (
    "installing",
    "templates",
    "conforming",
    "killed",
    "members",
    "replicas",
    "nodes",
    "rollouts",
    "credentials",
    "policies",
    "rights",
    "strangers",
    "operator",
    "monitoring",
    "scaling",
    "tls",
    "auth",
    "pages",
    "breaking",
    "overlays",
    "backups",
    "uninstalling",
)

for _module in MODULES:
    import_module(f"{__name__}.{_module}")
