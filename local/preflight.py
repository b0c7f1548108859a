"""What the machine must have before anything is started; each lack is one sentence."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

from local import cgroups, firewall, journal
from local.commands import succeeds
from local.errors import EXISTING_CLUSTER_HINT, ClusterError
from local.options import ClusterOptions
from local.paths import Paths
from local.plan import port_is_free
from local.toolbox import Toolbox

FREE_DISK_BYTES = 3 * 10**9
# Without them there are no mounts, and no links and packet rules. The numbers are Linux's.
CAPABILITIES = {"CAP_SYS_ADMIN": 21, "CAP_NET_ADMIN": 12}


def check_machine(paths: Paths, options: ClusterOptions) -> None:
    """Check what can be known of the machine before there is any tool. Also passes while this checkout's cluster runs.

    The packet rules of an earlier `up`, which its journal tells of, are our own and no lack. NodePorts are packet rules
    too: the gateway's own does not make its port busy.

    Raises:
        ClusterError: the first lack found.
    """
    check_user()
    check_no_other_checkout(paths)
    cgroups.check_controllers()
    check_overlay()
    if shutil.which("iptables"):  # else it is one of the tools that are still to come
        check_packet_filter()
    if journal.load(paths) is None:
        check_no_other_node()
    check_disk(paths.checkout)
    check_gateway_port(options.gateway_port)


def check_user() -> None:
    """Check what decides whether this user can have an embedded cluster on this system at all."""
    check_linux(sys.platform)
    check_root(os.geteuid())
    check_capabilities(Path("/proc/self/status").read_text())


def check_linux(platform: str) -> None:
    """Refuse other systems."""
    if platform != "linux":
        raise ClusterError(f"the embedded cluster needs Linux, this is {platform}. {EXISTING_CLUSTER_HINT}")


def check_root(uid: int) -> None:
    """Refuse users that cannot mount, make links or start containers."""
    if uid != 0:
        raise ClusterError(
            "the embedded cluster needs root, for it runs real containers: run the command with sudo."
            f" {EXISTING_CLUSTER_HINT}"
        )


def check_capabilities(status: str) -> None:
    """Refuse a root that may not administer the machine, such as that of an ordinary container."""
    line = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    held = int(line.split()[1], base=16)
    if missing := [name for name, bit in CAPABILITIES.items() if not held >> bit & 1]:
        raise ClusterError(
            f"the embedded cluster needs {' and '.join(missing)}, which root does not have here (a container that is"
            f" not privileged?). {EXISTING_CLUSTER_HINT}"
        )


def check_no_other_checkout(paths: Paths) -> None:
    """Refuse a machine on which another checkout's cluster runs; what a dead one left is no lack."""
    owner = journal.load(paths)
    if owner and owner.checkout != str(paths.checkout) and cgroups.processes():
        raise ClusterError(
            f"the embedded cluster of {owner.checkout} runs on this machine, and there can be one only:"
            f" run `make down` there. {EXISTING_CLUSTER_HINT}"
        )


def check_access(paths: Paths) -> None:
    """Refuse to look at a cluster's state, which is root's, as someone else."""
    if paths.state.exists() and not os.access(paths.state, os.R_OK | os.X_OK):
        raise ClusterError("the embedded cluster's state belongs to root: run the command with sudo")


def check_tools(toolbox: Toolbox) -> None:
    """Name all missing programs at once."""
    missing = toolbox.missing()
    if missing:
        raise ClusterError(
            f"programs are missing: {', '.join(missing)}. Run `make tools`, which builds or installs them"
        )
    toolbox.cni_plugins()


def check_overlay() -> None:
    """Refuse kernels without overlay mounts, after trying to load the module."""
    if "\toverlay\n" not in Path("/proc/filesystems").read_text() and not succeeds("modprobe", "overlay"):
        raise ClusterError(f"the kernel has no overlay file system, which containers need. {EXISTING_CLUSTER_HINT}")


def check_packet_filter() -> None:
    """Refuse machines where iptables cannot read the tables that Services need."""
    for table in ("filter", "nat"):
        if not succeeds("iptables", "-t", table, "-S"):
            raise ClusterError(
                f"iptables cannot use the {table} table (no kernel support, or no right to it), which Services need."
                f" {EXISTING_CLUSTER_HINT}"
            )


def check_no_other_node(present: Callable[[], bool] = firewall.foreign_node_chains) -> None:
    """Refuse a machine that is a Kubernetes node already: two would fight over the same packet rules."""
    if present():
        raise ClusterError(
            "this machine is a Kubernetes node already (iptables has KUBE- chains that are not ours), and it can be"
            f" one only once. {EXISTING_CLUSTER_HINT}"
        )


def check_disk(folder: Path, *, needed: int = FREE_DISK_BYTES) -> None:
    """Refuse a disk on which the kubelet would evict pods soon."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ClusterError(
            f"{folder} has {free / 1e9:.1f} GB free, the cluster's images need {needed / 1e9:.0f} GB:"
            " free some space or move the checkout"
        )


def check_gateway_port(port: int, *, address: str = "127.0.0.1") -> None:
    """Refuse a NodePort of the gateway on which another program listens, and name that program if it can be known."""
    if port_is_free(port, address):
        return
    raise ClusterError(
        f"port {port} on {address}, the gateway's, is used by {_listener(port)}: end it or set another"
        " inferstack:gateway.node_port in Pulumi.local.yaml"
    )


def _listener(port: int) -> str:
    for connection in psutil.net_connections(kind="tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
            try:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
            except psutil.Error:
                break
    return "another program"
