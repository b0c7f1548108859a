"""NVIDIA's DCGM exporter: use, memory, temperature and errors of each GPU, with the pod that has it, for Prometheus.

Source: https://github.com/NVIDIA/dcgm-exporter
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_kubernetes.core.v1 import (
    ContainerArgs,
    ContainerPortArgs,
    EnvVarArgs,
    HTTPGetActionArgs,
    ProbeArgs,
    Service,
    ServicePortArgs,
    ServiceSpecArgs,
)

from infra import naming
from infra.kubernetes.node_agent import KubeletFolder, declare_agent
from infra.kubernetes.pods import small_resources

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pulumi

    from infra.kubernetes.scope import Scope

NAME = "dcgm-exporter"
METRICS_PORT = 9400
# Here the kubelet tells which pod has which GPU.
_FOLDER = KubeletFolder(path="/var/lib/kubelet/pod-resources", read_only=True)


def declare_exporter(scope: Scope, *, image: pulumi.Input[str], pools: Sequence[str]) -> None:
    """Declare the exporter on the nodes of these pools, and a Service by which Prometheus finds it.

    Without the capability SYS_ADMIN it has no profiling metrics (``DCGM_FI_PROF_*``), which nothing here reads; its
    log says so at each start.
    """
    health = HTTPGetActionArgs(path="/health", port="metrics")
    container = ContainerArgs(
        name="exporter",
        image=image,
        env=[
            EnvVarArgs(name="DCGM_EXPORTER_LISTEN", value=f":{METRICS_PORT}"),
            EnvVarArgs(name="DCGM_EXPORTER_KUBERNETES", value="true"),
        ],
        ports=[ContainerPortArgs(name="metrics", container_port=METRICS_PORT)],
        # DCGM looks at every GPU before it answers: half a minute with eight of them.
        startup_probe=ProbeArgs(http_get=health, period_seconds=5, failure_threshold=24),
        readiness_probe=ProbeArgs(http_get=health, period_seconds=10),
        liveness_probe=ProbeArgs(http_get=health, period_seconds=30),
        resources=small_resources(cpu="100m", memory="256Mi", memory_limit="512Mi"),
    )
    declare_agent(scope, NAME, container, folder=_FOLDER, pools=pools)
    Service(
        NAME,
        metadata=scope.metadata(NAME),
        spec=ServiceSpecArgs(
            # Prometheus reads every pod, never one for all.
            cluster_ip="None",
            selector=naming.selector(NAME),
            ports=[ServicePortArgs(name="metrics", port=METRICS_PORT, target_port="metrics")],
        ),
        opts=scope.child(),
    )
