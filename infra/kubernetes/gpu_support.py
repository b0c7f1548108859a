"""What makes GPUs of nodes known to Kubernetes, and their load to Prometheus: two agents on every GPU node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from infra import naming
from infra.capacity import Demand
from infra.kubernetes import traffic
from infra.kubernetes.dcgm_exporter import METRICS_PORT, declare_exporter
from infra.kubernetes.dcgm_exporter import NAME as EXPORTER
from infra.kubernetes.device_plugin import declare_plugin
from infra.kubernetes.namespace import ClosedNamespace, ClosedNamespaceArgs
from infra.kubernetes.scope import Scope, pods_of

if TYPE_CHECKING:
    from collections.abc import Sequence

# Both agents together ask for this much of a node.
_NODE_DEMAND = Demand(pods=2, cpu_millis=150, memory_mib=320)


@dataclass(frozen=True, kw_only=True)
class GpuSupportArgs:
    """What the support of GPUs is made from.

    Attributes:
        environment: the stack.
        device_plugin_image: digest reference of NVIDIA's device plugin.
        exporter_image: digest reference of NVIDIA's DCGM exporter.
        pools: names of the GPU pools, whose nodes the agents run on.
        max_nodes: how many nodes these pools have at most, all together.
    """

    environment: str
    device_plugin_image: pulumi.Input[str]
    exporter_image: pulumi.Input[str]
    pools: Sequence[str]
    max_nodes: int


class GpuSupport(pulumi.ComponentResource):
    """NVIDIA's device plugin and DCGM exporter on the nodes of the GPU pools, in a namespace of their own.

    Their namespace alone is not held to the restricted Pod Security Standard: the kubelet's sockets, through which both
    do their work, lie on the node and are root's. They keep every other part of the standard, and
    policies/exemptions.toml says which two settings the rules let pass, until when, and who answers for it.

    Attributes:
        namespace: its name.
    """

    namespace: pulumi.Output[str]

    def __init__(self, name: str, args: GpuSupportArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:kubernetes:GpuSupport", name, None, opts)
        namespace = ClosedNamespace(
            naming.GPU_NAMESPACE,
            ClosedNamespaceArgs(
                environment=args.environment,
                # A node more of each while a DaemonSet is rolled out or a node replaced.
                demand=_NODE_DEMAND * (args.max_nodes + 1),
                pod_security="privileged",
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.namespace = namespace.name
        scope = Scope(environment=args.environment, namespace=namespace.name, parent=self)
        declare_plugin(scope, image=args.device_plugin_image, pools=args.pools)
        declare_exporter(scope, image=args.exporter_image, pools=args.pools)
        traffic.allow(scope, EXPORTER, pods_of(EXPORTER), ingress=[traffic.from_prometheus(METRICS_PORT)])
        self.register_outputs({})
