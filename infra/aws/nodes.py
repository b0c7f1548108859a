"""All nodes of a cluster and what EKS installs on them, in the order in which one needs the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from infra.aws import workloads
from infra.aws.addons import AFTER_NODES, BEFORE_NODES, Addons, AddonsArgs
from infra.aws.node_pool import NodePool, NodePoolArgs, node_role
from infra.settings.stack import SYSTEM_POOL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.settings import EksCluster, Pool


@dataclass(frozen=True, kw_only=True)
class NodesArgs:
    """What the nodes are made from.

    Attributes:
        environment: the stack.
        region: the cluster's.
        cluster: its settings.
        pools: the GPU pools.
        cluster_name: the cluster's, known once add-ons may get their roles.
        subnet_ids: private subnets by zone.
        zones: those that have a pool's instance type, by pool.
        boundary_arn: what the roles of nodes and add-ons may never do.
        volume_key_arn: the KMS key of the volumes of pods.
    """

    environment: str
    region: str
    cluster: EksCluster
    pools: Sequence[Pool]
    cluster_name: pulumi.Input[str]
    subnet_ids: Mapping[str, pulumi.Input[str]]
    zones: Mapping[str, Sequence[str]]
    boundary_arn: pulumi.Input[str]
    volume_key_arn: pulumi.Input[str]


class Nodes(pulumi.ComponentResource):
    """The system pool, the GPU pools, and EKS's add-ons before and after them.

    Attributes:
        cluster_name: the cluster's, known once the add-ons run on the system pool.
        system_group_name: the scaling group of the system pool.
    """

    cluster_name: pulumi.Output[str]
    system_group_name: pulumi.Output[str]

    def __init__(self, name: str, args: NodesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:aws:Nodes", name, None, opts)
        self._args = args
        child = pulumi.ResourceOptions(parent=self)
        ready_for_nodes = self._addons("before-nodes", args.cluster_name, BEFORE_NODES)
        role_arn = node_role(args.environment, args.boundary_arn, child)
        system = NodePool(
            SYSTEM_POOL,
            NodePoolArgs(
                environment=args.environment,
                pool=SYSTEM_POOL,
                cluster_name=ready_for_nodes,
                kubernetes_version=args.cluster.version,
                role_arn=role_arn,
                subnet_ids=list(args.subnet_ids.values()),
                instance_type=args.cluster.system_nodes.instance_type,
                min=args.cluster.system_nodes.min,
                max=args.cluster.system_nodes.max,
            ),
            opts=child,
        )
        for pool in args.pools:
            if pool.nodes is None:
                continue
            NodePool(
                pool.name,
                NodePoolArgs(
                    environment=args.environment,
                    pool=pool.name,
                    cluster_name=ready_for_nodes,
                    kubernetes_version=args.cluster.version,
                    role_arn=role_arn,
                    subnet_ids=[args.subnet_ids[zone] for zone in args.zones[pool.name]],
                    instance_type=pool.nodes.instance_type,
                    capacity=pool.nodes.capacity,
                    disk_gib=pool.nodes.disk_gib,
                    min=pool.nodes.min,
                    max=pool.nodes.max,
                ),
                opts=child,
            )
        self.cluster_name = self._addons("after-nodes", system.cluster_name, AFTER_NODES)
        self.system_group_name = system.autoscaling_group_name
        self.register_outputs({"cluster_name": self.cluster_name})

    def _addons(self, name: str, cluster_name: pulumi.Input[str], addons: Sequence[str]) -> pulumi.Output[str]:
        installed = Addons(
            name,
            AddonsArgs(
                environment=self._args.environment,
                cluster_name=cluster_name,
                kubernetes_version=self._args.cluster.version,
                region=self._args.region,
                boundary_arn=self._args.boundary_arn,
                statements={"aws-ebs-csi-driver": workloads.volumes(self._args.volume_key_arn)},
                addons=addons,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return installed.cluster_name
