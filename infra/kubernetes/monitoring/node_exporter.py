"""node_exporter: what a node's CPUs, memory and disk are doing, on every node.

It has nothing of the node: no folder, no namespace, no capability. The kernel does not divide by container what it
tells here: /proc/stat, /proc/meminfo, /proc/diskstats, /proc/pressure and /sys are the node's in every container. Of
file systems the one that matters is the kubelet's, which holds images, logs and scratch space, and whose filling gets
pods evicted; an empty folder that the kubelet makes for the pod lies on it, and so tells how full it is. What this
cannot see, the node's network cards and other disks, no rule and no panel asks for; to see them means to share the
node's network and to mount its root, which every other container is forbidden.
Source: https://github.com/prometheus/node_exporter/tree/v1.9.1/collector
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pulumi_kubernetes.apps.v1 import DaemonSet, DaemonSetSpecArgs
from pulumi_kubernetes.core.v1 import (
    ContainerArgs,
    ContainerPortArgs,
    EmptyDirVolumeSourceArgs,
    HTTPGetActionArgs,
    PodSpecArgs,
    PodTemplateSpecArgs,
    ProbeArgs,
    TolerationArgs,
    VolumeArgs,
    VolumeMountArgs,
)
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from infra import naming
from infra.capacity import Demand
from infra.kubernetes import access, traffic
from infra.kubernetes.pods import container_security_context, pod_security_context, small_resources
from infra.kubernetes.scope import pods_of

if TYPE_CHECKING:
    import pulumi

    from infra.kubernetes.scope import Scope

NAME: Final = "node-exporter"
METRICS_PORT: Final = 9100
DEMAND: Final = Demand(pods=1, cpu_millis=20, memory_mib=32)
"""Of one pod; there is one on each node."""
# The mount point that series of the node's file system carry.
NODE_DISK: Final = "/node"
_COLLECTORS: Final = ("cpu", "diskstats", "filesystem", "loadavg", "meminfo", "pressure")


def flags() -> list[str]:
    """What node_exporter is started with."""
    return [
        f"--web.listen-address=:{METRICS_PORT}",
        "--web.disable-exporter-metrics",
        "--collector.disable-defaults",
        *(f"--collector.{name}" for name in _COLLECTORS),
        f"--collector.filesystem.mount-points-include=^{NODE_DISK}$",
        # Whatever file system a node has.
        "--collector.filesystem.fs-types-exclude=^$",
    ]


def declare_node_exporter(scope: Scope, *, image: pulumi.Input[str]) -> None:
    """Declare its DaemonSet on all nodes, and who may talk to it.

    Args:
        scope: of the component.
        image: digest reference.
    """
    traffic.allow(scope, NAME, pods_of(NAME), ingress=[traffic.from_prometheus(METRICS_PORT)])
    DaemonSet(
        NAME,
        metadata=scope.metadata(NAME),
        spec=DaemonSetSpecArgs(
            selector=pods_of(NAME),
            template=PodTemplateSpecArgs(
                metadata=ObjectMetaArgs(labels=scope.labels(NAME)),
                spec=PodSpecArgs(
                    service_account_name=access.account(scope, NAME).metadata.name,
                    automount_service_account_token=False,
                    enable_service_links=False,
                    tolerations=[TolerationArgs(key=naming.GPU_RESOURCE, operator="Exists", effect="NoSchedule")],
                    security_context=pod_security_context(),
                    containers=[_container(image)],
                    volumes=[VolumeArgs(name="node", empty_dir=EmptyDirVolumeSourceArgs())],
                ),
            ),
        ),
        opts=scope.child(),
    )


def _container(image: pulumi.Input[str]) -> ContainerArgs:
    alive = HTTPGetActionArgs(path="/", port="metrics")
    return ContainerArgs(
        name=NAME,
        image=image,
        args=flags(),
        ports=[ContainerPortArgs(name="metrics", container_port=METRICS_PORT)],
        startup_probe=ProbeArgs(http_get=alive, period_seconds=1, failure_threshold=60),
        readiness_probe=ProbeArgs(http_get=alive, period_seconds=10),
        liveness_probe=ProbeArgs(http_get=alive, period_seconds=30),
        resources=small_resources(cpu="20m", memory="32Mi", memory_limit="128Mi"),
        security_context=container_security_context(),
        # It needs not write; its metric node_filesystem_readonly is thereby always 1.
        volume_mounts=[VolumeMountArgs(name="node", mount_path=NODE_DISK, read_only=True)],
    )
