"""The processes of the cluster as data: command line, environment, and how to tell that each is ready."""

import sys
from collections.abc import Callable
from pathlib import Path

from local.control_plane import Component, ControlPlane, control_plane, go_environment, kwok
from local.options import ClusterOptions
from local.paths import NAME, Paths
from local.plan import Plan
from local.readiness import http_ok, socket_answers


def components(
    paths: Paths, plan: Plan, options: ClusterOptions, *, tool: Callable[[str], Path]
) -> tuple[Component, ...]:
    """Return every process in the order of its start. `tool` finds an executable by name."""
    plane = ControlPlane(
        folder=paths.state,
        address=plan.gateway,
        ports=plan.ports,
        service_cidr=plan.service_cidr,
        simulated_cidr=plan.simulated_cidr,
    )
    return (
        *control_plane(plane, tool=tool),
        *_images(paths, plan, tool),
        *_node(paths, plan, options, tool),
        kwok(plane, stages=paths.kwok_stages, tool=tool),
    )


def _images(paths: Paths, plan: Plan, tool: Callable[[str], Path]) -> tuple[Component, ...]:
    return (
        Component(
            name="registry",
            command=(str(tool("docker-registry")), "serve", f"{paths.config}/registry.yml"),
            environment=go_environment(memory_mib=60),
            ready=http_ok(f"http://{plan.registry}/v2/"),
        ),
        Component(
            name="buildkitd",
            command=(
                str(tool("buildkitd")),
                f"--config={paths.config}/buildkitd.toml",
                f"--otel-socket-path={paths.run}/buildkit-otel.sock",  # not taken from the configuration file
            ),
            environment=go_environment(memory_mib=150),
            ready=socket_answers(paths.buildkit_socket),
        ),
    )


def _node(paths: Paths, plan: Plan, options: ClusterOptions, tool: Callable[[str], Path]) -> tuple[Component, ...]:
    ports = plan.ports
    return (
        Component(
            name="containerd",
            command=(str(tool("containerd")), "--config", f"{paths.config}/containerd.toml", "--log-level=warn"),
            environment=go_environment(memory_mib=120),
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
            environment=go_environment(memory_mib=120),
            ready=http_ok(f"http://127.0.0.1:{ports['kubelet-health']}/healthz"),
        ),
        Component(
            name="kube-proxy",
            after=("apiserver",),
            command=(str(tool("kube-proxy")), f"--config={paths.config}/kube-proxy.json"),
            environment=go_environment(memory_mib=60),
            ready=http_ok(f"http://127.0.0.1:{ports['proxy-health']}/healthz"),
        ),
        Component(
            name="coredns",
            after=("apiserver",),
            command=(str(tool("coredns")), "-conf", f"{paths.config}/Corefile"),
            environment=go_environment(memory_mib=60),
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
