"""The pod security standard "restricted": https://kubernetes.io/docs/concepts/security/pod-security-standards."""

from collections.abc import Iterator
from typing import Final

from tests.chart.rendering import Object

_VOLUMES: Final = frozenset(
    ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"]
)
_SYSCTLS: Final = frozenset(
    {
        *("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start"),
        *("net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports"),
        *("net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl"),
        *("net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"),
    }
)
_SECCOMP: Final = frozenset({"RuntimeDefault", "Localhost"})


def violations(spec: Object) -> Iterator[str]:
    """Yield what in a pod's spec the standard forbids, in words."""
    yield from (f"{field} is set" for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field))
    for volume in spec.get("volumes", []):
        kinds = volume.keys() - {"name"}
        if not kinds <= _VOLUMES:
            yield f"volume {volume['name']} is of a kind that is not allowed: {', '.join(kinds)}"
    pod = spec.get("securityContext", {})
    yield from (f"sysctl {each['name']}" for each in pod.get("sysctls", []) if each["name"] not in _SYSCTLS)
    containers = [*spec["containers"], *spec.get("initContainers", []), *spec.get("ephemeralContainers", [])]
    for container in containers:
        for violation in _of_container(container, pod):
            yield f"container {container['name']}: {violation}"


def _of_container(container: Object, pod: Object) -> Iterator[str]:
    own = container.get("securityContext", {})
    both = {**pod, **own}
    if own.get("privileged"):
        yield "it is privileged"
    if own.get("procMount", "Default") != "Default":
        yield "procMount is not the default"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation is not false"
    if both.get("runAsNonRoot") is not True:
        yield "runAsNonRoot is not true"
    if both.get("runAsUser") == 0:
        yield "it runs as root"
    if both.get("seccompProfile", {}).get("type") not in _SECCOMP:
        yield "it has no seccomp profile"
    if both.get("appArmorProfile", {}).get("type", "RuntimeDefault") not in _SECCOMP:
        yield "its AppArmor profile is not one of the allowed"
    options = both.get("seLinuxOptions", {})
    if options.keys() & {"user", "role"} or options.get("type", "") not in {"", "container_t", "container_init_t"}:
        yield "its SELinux options are not among the allowed"
    capabilities = own.get("capabilities", {})
    if capabilities.get("drop") != ["ALL"]:
        yield "it does not drop all capabilities"
    if not set(capabilities.get("add", [])) <= {"NET_BIND_SERVICE"}:
        yield "it adds capabilities"
    yield from (f"host port {port['hostPort']}" for port in container.get("ports", []) if port.get("hostPort"))
    for hook in ("livenessProbe", "readinessProbe", "startupProbe"):
        if any(handler.get("host") for handler in container.get(hook, {}).values() if isinstance(handler, dict)):
            yield f"its {hook} asks another host"
