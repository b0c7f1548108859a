"""The pod bridge and the host's packet rules around it."""

from local.commands import CommandError, run, succeeds
from local.errors import EXISTING_CLUSTER_HINT, ClusterError
from local.firewall import allow_pod_traffic
from local.plan import Plan

BRIDGE = "inferstack0"


def set_up(plan: Plan) -> None:
    """Make the pod bridge with the node's address, and let pods talk to each other and to the cluster's servers only.

    The bridge comes before the first pod, since the API server binds to its address.

    Raises:
        ClusterError: the kernel has no bridges, or the packet filter refuses.
    """
    try:
        if not exists():
            run("ip", "link", "add", BRIDGE, "type", "bridge")
        prefix = plan.pod_cidr.partition("/")[2]
        run("ip", "address", "replace", f"{plan.gateway}/{prefix}", "dev", BRIDGE)
        run("ip", "link", "set", BRIDGE, "up")
    except CommandError as error:
        raise ClusterError(
            f"the pod bridge {BRIDGE} cannot be made: {error.reason}. {EXISTING_CLUSTER_HINT}"
        ) from error
    allow_pod_traffic(
        bridge=BRIDGE, pod_cidr=plan.pod_cidr, gateway=plan.gateway, apiserver_port=plan.ports["apiserver"]
    )


def remove() -> None:
    """Delete the pod bridge; pods' ends of it go with their network namespaces."""
    if exists():
        run("ip", "link", "delete", BRIDGE)


def exists() -> bool:
    """Tell whether the pod bridge is there."""
    return succeeds("ip", "link", "show", BRIDGE)
