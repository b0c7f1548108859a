"""The ports and address ranges of one cluster: chosen once, recorded, kept for as long as its state exists."""

import contextlib
import ipaddress
import json
import socket
from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, dataclass, replace
from ipaddress import IPv4Network

from local.commands import run
from local.errors import ClusterError
from local.paths import Paths, write_private

# Below the range that the kernel gives to outgoing connections, so that none of those takes a recorded port.
PORT_POOL = range(23100, 24000)
PORT_NAMES = (
    "apiserver",
    "etcd",
    "etcd-peer",
    "controller-manager",
    "scheduler",
    "kubelet",
    "kubelet-health",
    "proxy-health",
    "proxy-metrics",
    "registry",
    "coredns-health",
    "coredns-ready",
    "kwok",
)
# Pods, Services and the made-up pods of simulated nodes, tried in this order.
NETWORKS = tuple((f"10.{n}.0.0/22", f"10.{n}.8.0/22", f"10.{n}.16.0/20") for n in (201, 211, 221, 231, 181, 171))


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Ports on 127.0.0.1 (the API server's and kubelet's: on the pod bridge) and private address ranges."""

    ports: dict[str, int]
    pod_cidr: str
    service_cidr: str
    simulated_cidr: str

    @property
    def gateway(self) -> str:
        """The pod bridge's address: the node's, the API server's and the name server's."""
        return str(ipaddress.ip_network(self.pod_cidr)[1])

    @property
    def apiserver_service(self) -> str:
        """The address of the `kubernetes` Service."""
        return str(ipaddress.ip_network(self.service_cidr)[1])

    @property
    def apiserver_url(self) -> str:
        """Where the host reaches the API server."""
        return f"https://{self.gateway}:{self.ports['apiserver']}"

    @property
    def registry(self) -> str:
        """The registry as it stands in image references."""
        return f"127.0.0.1:{self.ports['registry']}"


def port_is_free(port: int, address: str = "127.0.0.1") -> bool:
    """Tell whether a server could bind the TCP port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
        return True


def choose_ports(
    *, recorded: dict[str, int], is_free: Callable[[int], bool] = port_is_free, pool: Iterable[int] = PORT_POOL
) -> dict[str, int]:
    """Give every name of PORT_NAMES a port of its own: the recorded one if it is free, else the next free of the pool.

    Raises:
        ClusterError: the pool has too few free ports.
    """
    chosen: dict[str, int] = {}
    for name in PORT_NAMES:
        port = recorded.get(name)
        if port is not None and port not in chosen.values() and is_free(port):
            chosen[name] = port
    taken = set(chosen.values()) | set(recorded.values())
    candidates = (port for port in pool if port not in taken and is_free(port))
    for name in PORT_NAMES:
        if name in chosen:
            continue
        port = next(candidates, None)
        if port is None:
            raise ClusterError(
                f"no free TCP port is left on 127.0.0.1 between {PORT_POOL.start} and {PORT_POOL.stop - 1}:"
                " end some of the programs that listen there"
            )
        chosen[name] = port
    return {name: chosen[name] for name in PORT_NAMES}


def choose_network(*, used: Collection[IPv4Network], recorded: tuple[str, str, str] | None) -> tuple[str, str, str]:
    """Return the first triple of ranges (pods, Services, simulated pods) that overlaps with no used one.

    Raises:
        ClusterError: every candidate overlaps with a link or route of this machine.
    """
    candidates = (recorded, *NETWORKS) if recorded else NETWORKS
    for triple in candidates:
        if not any(ipaddress.IPv4Network(cidr).overlaps(network) for cidr in triple for network in used):
            return triple
    tried = ", ".join(pods for pods, _, _ in NETWORKS)
    raise ClusterError(f"every pod network that inferstack knows ({tried}) overlaps with a route of this machine")


def used_networks(*, except_link: str) -> list[IPv4Network]:
    """Return the destinations of the machine's IPv4 routes, the default route and one link's excepted."""
    output = run("ip", "-j", "-4", "route", "show", "table", "all")
    routes = (route for route in json.loads(output or "[]") if route.get("dev") != except_link)
    return [IPv4Network(route["dst"], strict=False) for route in routes if route.get("dst", "default") != "default"]


def load(paths: Paths) -> Plan | None:
    """Return the recorded plan, or None if there is none that this version understands."""
    try:
        plan = Plan(**json.loads(paths.plan.read_text()))
        for cidr in (plan.pod_cidr, plan.service_cidr, plan.simulated_cidr):
            IPv4Network(cidr)
        ports = {name: int(plan.ports[name]) for name in PORT_NAMES}
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return replace(plan, ports=ports)


def choose(paths: Paths, *, bridge: str) -> Plan:
    """Choose and record a plan, as close to the recorded one as free ports and routes allow.

    Call it only while nothing of the cluster runs. The registry's port is part of image references, so it is
    remembered beyond the cluster's state.
    """
    old = load(paths)
    registry_port = paths.cache / "registry-port"
    recorded = dict(old.ports) if old else {}
    if not old and registry_port.exists():
        with contextlib.suppress(ValueError):  # a damaged file: another port costs only that images are pushed again
            recorded["registry"] = int(registry_port.read_text())
    pods, services, simulated = choose_network(
        used=used_networks(except_link=bridge),
        recorded=(old.pod_cidr, old.service_cidr, old.simulated_cidr) if old else None,
    )
    plan = Plan(ports=choose_ports(recorded=recorded), pod_cidr=pods, service_cidr=services, simulated_cidr=simulated)
    write_private(paths.plan, json.dumps(asdict(plan), indent=2))
    write_private(registry_port, str(plan.ports["registry"]))
    return plan
