"""NVIDIA's DCGM exporter: use, memory, temperature and errors of each GPU, with the pod that has it, for Prometheus.

Source: https://github.com/NVIDIA/dcgm-exporter: etc/default-counters.csv, docker/Dockerfile
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_kubernetes.core.v1 import (
    ConfigMap,
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
from infra.kubernetes.node_agent import CONFIGURATION, Configuration, KubeletFolder, declare_agent
from infra.kubernetes.pods import small_resources

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pulumi

    from infra.kubernetes.scope import Scope

NAME = "dcgm-exporter"
METRICS_PORT = 9400
# Here the kubelet tells which pod has which GPU.
_FOLDER = KubeletFolder(path="/var/lib/kubelet/pod-resources", read_only=True)
# What NVML tells. The exporter's own list has profiling metrics too (DCGM_FI_PROF_*), which need the capability
# SYS_ADMIN: without it the exporter ends at its start on some GPUs.
_COUNTERS = (
    ("DCGM_FI_DEV_GPU_UTIL", "gauge", "GPU utilization (in %)."),
    ("DCGM_FI_DEV_MEM_COPY_UTIL", "gauge", "Memory utilization (in %)."),
    ("DCGM_FI_DEV_FB_USED", "gauge", "Framebuffer memory used (in MiB)."),
    ("DCGM_FI_DEV_FB_FREE", "gauge", "Framebuffer memory free (in MiB)."),
    ("DCGM_FI_DEV_SM_CLOCK", "gauge", "SM clock frequency (in MHz)."),
    ("DCGM_FI_DEV_GPU_TEMP", "gauge", "GPU temperature (in C)."),
    ("DCGM_FI_DEV_POWER_USAGE", "gauge", "Power draw (in W)."),
    ("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "counter", "Total energy consumption since boot (in mJ)."),
    ("DCGM_FI_DEV_XID_ERRORS", "gauge", "Value of the last XID error encountered."),
    ("DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS", "counter", "Number of remapped rows for uncorrectable errors."),
    ("DCGM_FI_DEV_ROW_REMAP_FAILURE", "gauge", "Whether remapping of rows has failed."),
)


def declare_exporter(scope: Scope, *, image: pulumi.Input[str], pools: Sequence[str]) -> None:
    """Declare the exporter on the nodes of these pools, and a Service by which Prometheus finds it."""
    text = "".join(f"{', '.join(each)}\n" for each in _COUNTERS)
    counters = ConfigMap(NAME, metadata=scope.metadata(NAME), data={"counters.csv": text}, opts=scope.child())
    health = HTTPGetActionArgs(path="/health", port="metrics")
    container = ContainerArgs(
        name="exporter",
        image=image,
        # Not the image's entry point, which writes a cache of libraries into the root file system first and ends where
        # it cannot. The image says that the cache is optional.
        command=["/usr/bin/dcgm-exporter"],
        env=[
            EnvVarArgs(name="DCGM_EXPORTER_LISTEN", value=f":{METRICS_PORT}"),
            EnvVarArgs(name="DCGM_EXPORTER_COLLECTORS", value=f"{CONFIGURATION}/counters.csv"),
            EnvVarArgs(name="DCGM_EXPORTER_KUBERNETES", value="true"),
        ],
        ports=[ContainerPortArgs(name="metrics", container_port=METRICS_PORT)],
        # DCGM looks at every GPU before it answers: half a minute with eight of them.
        startup_probe=ProbeArgs(http_get=health, period_seconds=5, failure_threshold=24),
        readiness_probe=ProbeArgs(http_get=health, period_seconds=10),
        liveness_probe=ProbeArgs(http_get=health, period_seconds=30),
        resources=small_resources(cpu="100m", memory="256Mi", memory_limit="512Mi"),
    )
    configuration = Configuration(config_map=counters.metadata.name, text=text)
    declare_agent(scope, NAME, container, folder=_FOLDER, pools=pools, configuration=configuration)
    Service(
        NAME,
        metadata=scope.service_metadata(NAME),
        spec=ServiceSpecArgs(
            # Prometheus reads every pod, never one for all.
            cluster_ip="None",
            selector=naming.selector(NAME),
            ports=[ServicePortArgs(name="metrics", port=METRICS_PORT, target_port="metrics")],
        ),
        opts=scope.child(),
    )
