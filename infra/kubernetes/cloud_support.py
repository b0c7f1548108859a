"""What a cluster of a cloud needs besides what every cluster has: GPUs made known, nodes on demand, volumes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from infra import naming
from infra.kubernetes.autoscaler import Autoscaler, AutoscalerArgs
from infra.kubernetes.gpu_support import GpuSupport, GpuSupportArgs
from infra.kubernetes.storage_class import DefaultStorage, DefaultStorageArgs
from infra.settings.stack import SYSTEM_POOL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.settings import EksImages, Pool


@dataclass(frozen=True, kw_only=True)
class CloudSupportArgs:
    """What the support is made from.

    Attributes:
        environment: the stack.
        region: the cluster's.
        images: the platform's.
        pools: the GPU pools.
        cluster_name: the EKS cluster's.
        volume_key_arn: the KMS key of the volumes of pods.
    """

    environment: str
    region: str
    images: EksImages
    pools: Sequence[Pool]
    cluster_name: pulumi.Input[str]
    volume_key_arn: pulumi.Input[str]


class CloudSupport(pulumi.ComponentResource):
    """GPU agents, the autoscaler and the default storage class.

    Attributes:
        namespaces: the names of its namespaces, by name, known once they are there.
    """

    namespaces: Mapping[str, pulumi.Output[str]]

    def __init__(self, name: str, args: CloudSupportArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:kubernetes:CloudSupport", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        DefaultStorage(
            "storage-class",
            DefaultStorageArgs(environment=args.environment, key_arn=args.volume_key_arn),
            opts=child,
        )
        gpu_support = GpuSupport(
            "gpu-support",
            GpuSupportArgs(
                environment=args.environment,
                device_plugin_image=args.images.device_plugin,
                exporter_image=args.images.dcgm_exporter,
                pools=[pool.name for pool in args.pools],
                max_nodes=sum(pool.nodes.max for pool in args.pools if pool.nodes),
            ),
            opts=child,
        )
        autoscaler = Autoscaler(
            "autoscaler",
            AutoscalerArgs(
                environment=args.environment,
                image=args.images.cluster_autoscaler,
                cluster=args.cluster_name,
                region=args.region,
                pool=SYSTEM_POOL,
            ),
            opts=child,
        )
        self.namespaces = {
            naming.GPU_NAMESPACE: gpu_support.namespace,
            naming.SYSTEM_NAMESPACE: autoscaler.namespace,
        }
        self.register_outputs({})
