"""The processes of the cluster as data: command line, environment, and how to tell that each is ready."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from local.configuration import KWOK_ANNOTATION
from local.options import ClusterOptions
from local.paths import NAME, Paths
from local.plan import Plan
from local.readiness import Probe, http_ok, https_ok, socket_answers

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


def components(
    paths: Paths, plan: Plan, options: ClusterOptions, *, tool: Callable[[str], Path]
) -> tuple[Component, ...]:
    """Return every process in the order of its start. `tool` finds an executable by name."""
    return (
        *_control_plane(paths, plan, tool),
        *_images(paths, plan, tool),
        *_node(paths, plan, options, tool),
        _kwok(paths, plan, tool),
    )


def _go(*, memory_mib: int) -> dict[str, str]:
    """Return an environment that keeps a Go process small: collect early, and hard near the limit."""
    return {"GOGC": "50", "GOMEMLIMIT": str(memory_mib * MEBIBYTE)}


def _control_plane(paths: Paths, plan: Plan, tool: Callable[[str], Path]) -> tuple[Component, ...]:
    pki, ports = paths.pki, plan.ports
    etcd, etcd_peer = (f"https://127.0.0.1:{ports[name]}" for name in ("etcd", "etcd-peer"))
    return (
        Component(
            name="etcd",
            command=(
                str(tool("etcd")),
                f"--data-dir={paths.state}/etcd",
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
            environment=_go(memory_mib=150),
            ready=https_ok(f"{etcd}/health", authority=pki / "etcd-ca.crt", client=pki / "etcd-client"),
        ),
        Component(
            name="apiserver",
            after=("etcd",),
            command=(
                str(tool("kube-apiserver")),
                f"--advertise-address={plan.gateway}",
                f"--bind-address={plan.gateway}",
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
                f"--service-cluster-ip-range={plan.service_cidr}",
                "--authorization-mode=Node,RBAC",
                "--enable-admission-plugins=NodeRestriction",
                "--anonymous-auth=false",
                "--allow-privileged=true",
                "--enable-aggregator-routing=true",
                "--profiling=false",
            ),
            environment=_go(memory_mib=260),
            ready=https_ok(f"{plan.apiserver_url}/readyz", authority=pki / "ca.crt", client=pki / "admin"),
        ),
        Component(
            name="controller-manager",
            after=("apiserver",),
            command=(
                str(tool("kube-controller-manager")),
                *_loopback_service(paths, port=ports["controller-manager"], client="controller-manager"),
                f"--service-account-private-key-file={pki}/service-account.key",
                f"--root-ca-file={pki}/ca.crt",
                "--use-service-account-credentials",
                f"--cluster-signing-cert-file={pki}/ca.crt",
                f"--cluster-signing-key-file={pki}/ca.key",
                "--allocate-node-cidrs=false",
            ),
            environment=_go(memory_mib=120),
            ready=https_ok(f"https://127.0.0.1:{ports['controller-manager']}/healthz", authority=pki / "ca.crt"),
        ),
        Component(
            name="scheduler",
            after=("apiserver",),
            command=(
                str(tool("kube-scheduler")),
                *_loopback_service(paths, port=ports["scheduler"], client="scheduler"),
            ),
            environment=_go(memory_mib=80),
            ready=https_ok(f"https://127.0.0.1:{ports['scheduler']}/healthz", authority=pki / "ca.crt"),
        ),
    )


def _loopback_service(paths: Paths, *, port: int, client: str) -> tuple[str, ...]:
    kubeconfig = paths.kubeconfigs / client
    return (
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--tls-cert-file={paths.pki}/loopback-server.crt",
        f"--tls-private-key-file={paths.pki}/loopback-server.key",
        "--leader-elect=false",
        "--profiling=false",
    )


def _images(paths: Paths, plan: Plan, tool: Callable[[str], Path]) -> tuple[Component, ...]:
    return (
        Component(
            name="registry",
            command=(str(tool("docker-registry")), "serve", f"{paths.config}/registry.yml"),
            environment=_go(memory_mib=60),
            ready=http_ok(f"http://{plan.registry}/v2/"),
        ),
        Component(
            name="buildkitd",
            command=(
                str(tool("buildkitd")),
                f"--config={paths.config}/buildkitd.toml",
                f"--otel-socket-path={paths.run}/buildkit-otel.sock",  # not taken from the configuration file
            ),
            environment=_go(memory_mib=150),
            ready=socket_answers(paths.buildkit_socket),
        ),
    )


def _node(paths: Paths, plan: Plan, options: ClusterOptions, tool: Callable[[str], Path]) -> tuple[Component, ...]:
    ports = plan.ports
    return (
        Component(
            name="containerd",
            command=(str(tool("containerd")), "--config", f"{paths.config}/containerd.toml", "--log-level=warn"),
            environment=_go(memory_mib=120),
            ready=socket_answers(paths.containerd_socket),
        ),
        Component(
            name="kubelet",
            after=("apiserver", "containerd"),
            command=(
                str(tool("kubelet")),
                f"--config={paths.config}/kubelet.json",
                f"--kubeconfig={paths.kubeconfigs}/kubelet",
                f"--root-dir={paths.kubelet_root}",
                f"--cert-dir={paths.pki}/kubelet",
                f"--hostname-override={NAME}",
                f"--node-ip={plan.gateway}",
                "--node-labels=inferstack.dev/gpus=simulated",
            ),
            environment=_go(memory_mib=120),
            ready=http_ok(f"http://127.0.0.1:{ports['kubelet-health']}/healthz"),
        ),
        Component(
            name="kube-proxy",
            after=("apiserver",),
            command=(str(tool("kube-proxy")), f"--config={paths.config}/kube-proxy.json"),
            environment=_go(memory_mib=60),
            ready=http_ok(f"http://127.0.0.1:{ports['proxy-health']}/healthz"),
        ),
        Component(
            name="coredns",
            after=("apiserver",),
            command=(str(tool("coredns")), "-conf", f"{paths.config}/Corefile"),
            environment=_go(memory_mib=60),
            ready=http_ok(f"http://127.0.0.1:{ports['coredns-ready']}/ready"),
        ),
        Component(
            name="node-gpus",
            after=("apiserver",),
            command=(
                sys.executable,
                "-m",
                "local.node_gpus",
                f"--kubeconfig={paths.kubeconfigs}/node-gpus",
                f"--node={NAME}",
                f"--gpus={options.gpus}",
                f"--pool={options.pool}",
            ),
            environment={"PYTHONPATH": str(paths.checkout), "PYTHONUNBUFFERED": "1"},
            ready=lambda: None,  # what it does shows on the node, which `up` waits for
        ),
    )


def _kwok(paths: Paths, plan: Plan, tool: Callable[[str], Path]) -> Component:
    stages = sorted(paths.kwok_stages.glob("*.yaml"))
    return Component(
        name="kwok",
        after=("apiserver",),
        command=(
            str(tool("kwok")),
            f"--kubeconfig={paths.kubeconfigs}/kwok",
            *(f"--config={stage}" for stage in stages),
            f"--manage-nodes-with-annotation-selector={KWOK_ANNOTATION}",
            f"--cidr={plan.simulated_cidr}",
            f"--node-ip={plan.gateway}",
            f"--server-address=127.0.0.1:{plan.ports['kwok']}",
            "--node-lease-duration-seconds=40",
        ),
        environment=_go(memory_mib=60),
        ready=http_ok(f"http://127.0.0.1:{plan.ports['kwok']}/healthz"),
    )
