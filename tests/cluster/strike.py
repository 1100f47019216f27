"""Ending pods and nodes as they end in the field."""

import shlex

from tests.cluster.installation import Installation
from tests.cluster.kubectl import Object, is_true
from tests.cluster.shell import require, run, wait_until
from tests.cluster.world import World


def kill(world: World, installation: Installation, component: str) -> None:
    """End the first process of a component's pod with SIGKILL; return when it has ended."""
    pod = installation.pod(component)
    name = pod["metadata"]["name"]
    template = world.settings.kill
    if not template:
        world.figure("struck by", "deletion by force")
        installation.kubectl("delete", "pod", name, "--grace-period=0", "--force", "--wait=false")
        return
    status = pod["status"]["containerStatuses"][0]
    command = template.format(
        node=pod["spec"]["nodeName"],
        namespace=installation.namespace,
        pod=name,
        container_id=status["containerID"].partition("://")[2],
    )
    world.figure("struck by", "SIGKILL")
    run(*shlex.split(command))

    def ended() -> bool:
        now = installation.kubectl.get("pod", name)["status"]["containerStatuses"][0]
        return bool(now["restartCount"] > status["restartCount"])

    wait_until(f"{name} to be started again", ended, seconds=30, every=0.5)


def delete_pod(installation: Installation, name: str) -> None:
    """Delete a pod in the ordinary way; it ends in its own time."""
    installation.kubectl("delete", "pod", name, "--wait=false")


def victim(installation: Installation) -> str:
    """Return a node that may go: not the control plane's, nobody's only DNS or quote server, if possible a primary's.

    Raises:
        CaseFailedError: there are fewer than three nodes, or members of a set share one, or none may go.
    """
    nodes = installation.kubectl.objects("nodes")
    require(len(nodes) >= 3, f"this needs three nodes, the cluster has {len(nodes)}")
    data = {pod["spec"]["nodeName"]: pod["metadata"]["name"] for pod in installation.pods("data-set")}
    require(len(data) == 3, f"members of the data set share nodes, they are on {sorted(data)} only")
    needed = {pod["spec"]["nodeName"] for pod in installation.pods("quotes")}
    needed |= {
        pod["spec"].get("nodeName") for pod in installation.kubectl.objects("pods", "k8s-app=kube-dns", everywhere=True)
    }
    server = run("kubectl", "config", "view", "--minify", "--output", "jsonpath={.clusters[0].cluster.server}")
    candidates = [node["metadata"]["name"] for node in nodes if not _is_control_plane(node, server)]
    free = [name for name in candidates if name not in needed]
    require(free, f"each of {candidates} has the quote server or the cluster's DNS on it: none may be stopped")
    primary = installation.primary("data-set")
    return str(next((name for name in free if data.get(name) == primary), free[0]))


def nodes(installation: Installation) -> list[str]:
    """Return the names of all nodes."""
    return sorted(node["metadata"]["name"] for node in installation.kubectl.objects("nodes"))


def node_is_ready(installation: Installation, name: str) -> bool:
    """Return whether the cluster believes that a node is there."""
    return is_true(installation.kubectl.get("node", name), "Ready")


def _is_control_plane(node: Object, server: str) -> bool:
    if "node-role.kubernetes.io/control-plane" in node["metadata"].get("labels", {}):
        return True
    return any(f"//{each['address']}:" in server for each in node["status"]["addresses"])
