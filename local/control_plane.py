"""The processes of a control plane as data, KWOK's included: command lines, environments, and when each is ready.

The embedded cluster runs one on the pod bridge, with a real node; a rehearsal runs one on loopback, with none.
"""

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local.readiness import Probe, http_ok, https_ok

KWOK_ANNOTATION = "kwok.x-k8s.io/node=fake"
PORT_NAMES = ("apiserver", "etcd", "etcd-peer", "controller-manager", "scheduler", "kwok")
MEBIBYTE = 2**20


@dataclass(frozen=True, kw_only=True)
class Component:
    """One supervised process.

    Attributes:
        name: what `status` and `logs` call it.
        command: argument list; the first element is an absolute path.
        ready: returns without an exception when the process does its work.
        after: components that must be ready before this one starts.
        environment: variables besides the inherited PATH and HOME.
    """

    name: str
    command: tuple[str, ...]
    ready: Probe
    after: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, kw_only=True)
class ControlPlane:
    """Where a control plane keeps its files, and where it listens.

    Attributes:
        folder: etcd's data, certificates (`pki`) and kubeconfigs lie below it.
        address: where the API server listens; everything else listens on 127.0.0.1.
        ports: by PORT_NAMES; there may be others.
        service_cidr: addresses of Services.
        simulated_cidr: addresses of pods on simulated nodes.
        apiserver_flags: further arguments of the API server.
    """

    folder: Path
    address: str
    ports: Mapping[str, int]
    service_cidr: str
    simulated_cidr: str
    apiserver_flags: tuple[str, ...] = ()

    @property
    def pki(self) -> Path:
        """Certificates and keys."""
        return self.folder / "pki"

    @property
    def kubeconfigs(self) -> Path:
        """One kubeconfig for each client of the API server."""
        return self.folder / "kubeconfigs"

    @property
    def url(self) -> str:
        """Where the host reaches the API server."""
        return f"https://{self.address}:{self.ports['apiserver']}"

    @property
    def service_address(self) -> str:
        """The address of the `kubernetes` Service."""
        return str(ipaddress.ip_network(self.service_cidr)[1])


def go_environment(*, memory_mib: int) -> dict[str, str]:
    """Return an environment that keeps a Go process small: collect early, and hard near the limit."""
    return {"GOGC": "50", "GOMEMLIMIT": str(memory_mib * MEBIBYTE)}


def control_plane(plane: ControlPlane, *, tool: Callable[[str], Path]) -> tuple[Component, ...]:
    """Return etcd, the API server, the controllers and the scheduler. `tool` finds an executable by name."""
    pki, ports = plane.pki, plane.ports
    etcd, etcd_peer = (f"https://127.0.0.1:{ports[name]}" for name in ("etcd", "etcd-peer"))
    return (
        Component(
            name="etcd",
            command=(
                str(tool("etcd")),
                f"--data-dir={plane.folder}/etcd",
                "--unsafe-no-fsync",  # the cluster can be thrown away; a laptop's disk is slow
                f"--listen-client-urls={etcd}",
                f"--advertise-client-urls={etcd}",
                f"--listen-peer-urls={etcd_peer}",
                f"--initial-advertise-peer-urls={etcd_peer}",
                f"--initial-cluster=default={etcd_peer}",
                "--client-cert-auth",
                "--peer-client-cert-auth",
                *(f"--{who}cert-file={pki}/etcd.crt" for who in ("", "peer-")),
                *(f"--{who}key-file={pki}/etcd.key" for who in ("", "peer-")),
                *(f"--{who}trusted-ca-file={pki}/etcd-ca.crt" for who in ("", "peer-")),
                "--log-level=warn",
            ),
            environment=go_environment(memory_mib=150),
            ready=https_ok(f"{etcd}/health", authority=pki / "etcd-ca.crt", client=pki / "etcd-client"),
        ),
        Component(
            name="apiserver",
            after=("etcd",),
            command=(
                str(tool("kube-apiserver")),
                f"--advertise-address={plane.address}",
                f"--bind-address={plane.address}",
                f"--secure-port={ports['apiserver']}",
                f"--etcd-servers={etcd}",
                f"--etcd-cafile={pki}/etcd-ca.crt",
                f"--etcd-certfile={pki}/etcd-client.crt",
                f"--etcd-keyfile={pki}/etcd-client.key",
                f"--tls-cert-file={pki}/apiserver.crt",
                f"--tls-private-key-file={pki}/apiserver.key",
                f"--client-ca-file={pki}/ca.crt",
                f"--kubelet-certificate-authority={pki}/ca.crt",
                f"--kubelet-client-certificate={pki}/apiserver-kubelet-client.crt",
                f"--kubelet-client-key={pki}/apiserver-kubelet-client.key",
                "--kubelet-preferred-address-types=InternalIP",
                f"--proxy-client-cert-file={pki}/front-proxy-client.crt",
                f"--proxy-client-key-file={pki}/front-proxy-client.key",
                f"--requestheader-client-ca-file={pki}/front-proxy-ca.crt",
                "--requestheader-allowed-names=front-proxy-client",
                "--requestheader-extra-headers-prefix=X-Remote-Extra-",
                "--requestheader-group-headers=X-Remote-Group",
                "--requestheader-username-headers=X-Remote-User",
                "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
                f"--service-account-key-file={pki}/service-account.pub",
                f"--service-account-signing-key-file={pki}/service-account.key",
                f"--service-cluster-ip-range={plane.service_cidr}",
                "--authorization-mode=Node,RBAC",
                "--enable-admission-plugins=NodeRestriction",
                "--anonymous-auth=false",
                "--allow-privileged=true",
                "--enable-aggregator-routing=true",
                "--profiling=false",
                *plane.apiserver_flags,
            ),
            environment=go_environment(memory_mib=260),
            ready=https_ok(f"{plane.url}/readyz", authority=pki / "ca.crt", client=pki / "admin"),
        ),
        Component(
            name="controller-manager",
            after=("apiserver",),
            command=(
                str(tool("kube-controller-manager")),
                *_loopback_service(plane, port=ports["controller-manager"], client="controller-manager"),
                f"--service-account-private-key-file={pki}/service-account.key",
                f"--root-ca-file={pki}/ca.crt",
                "--use-service-account-credentials",
                f"--cluster-signing-cert-file={pki}/ca.crt",
                f"--cluster-signing-key-file={pki}/ca.key",
                "--allocate-node-cidrs=false",
            ),
            environment=go_environment(memory_mib=120),
            ready=https_ok(f"https://127.0.0.1:{ports['controller-manager']}/healthz", authority=pki / "ca.crt"),
        ),
        Component(
            name="scheduler",
            after=("apiserver",),
            command=(
                str(tool("kube-scheduler")),
                *_loopback_service(plane, port=ports["scheduler"], client="scheduler"),
            ),
            environment=go_environment(memory_mib=80),
            ready=https_ok(f"https://127.0.0.1:{ports['scheduler']}/healthz", authority=pki / "ca.crt"),
        ),
    )


def _loopback_service(plane: ControlPlane, *, port: int, client: str) -> tuple[str, ...]:
    kubeconfig = plane.kubeconfigs / client
    return (
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--tls-cert-file={plane.pki}/loopback-server.crt",
        f"--tls-private-key-file={plane.pki}/loopback-server.key",
        "--leader-elect=false",
        "--profiling=false",
    )


def kwok(plane: ControlPlane, *, stages: Path, tool: Callable[[str], Path]) -> Component:
    """Return KWOK, which plays the nodes with its annotation and their pods by the Stage manifests of a folder."""
    return Component(
        name="kwok",
        after=("apiserver",),
        command=(
            str(tool("kwok")),
            f"--kubeconfig={plane.kubeconfigs}/kwok",
            *(f"--config={stage}" for stage in sorted(stages.glob("*.yaml"))),
            f"--manage-nodes-with-annotation-selector={KWOK_ANNOTATION}",
            f"--cidr={plane.simulated_cidr}",
            f"--node-ip={plane.address}",
            f"--server-address=127.0.0.1:{plane.ports['kwok']}",
            "--node-lease-duration-seconds=40",
        ),
        environment=go_environment(memory_mib=60),
        ready=http_ok(f"http://127.0.0.1:{plane.ports['kwok']}/healthz"),
    )
