"""Pools of nodes: a managed node group and what its machines are like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pulumi
import pulumi_aws as aws

from infra import instance_types, naming
from infra.aws.service_role import ServiceRole, ServiceRoleArgs

if TYPE_CHECKING:
    from collections.abc import Sequence

_HINTS = "k8s.io/cluster-autoscaler/node-template"
# By it the autoscaler knows that a new node will have GPUs, though its device plugin does not run yet.
_ACCELERATOR_LABEL = "k8s.amazonaws.com/accelerator"


def node_role(environment: str, boundary_arn: pulumi.Input[str], opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
    """The ARN of the role of every node: to join the cluster and to pull images, no more.

    What pods may do comes by pod identity, the network plugin's permissions too. AmazonEKSWorkerNodeMinimalPolicy
    would not do: it is for EKS Auto Mode, whose nodes are named after their instance. AL2023 asks EC2 for the node's
    name before it starts the kubelet, and a node that may not ask never joins.
    Source: https://github.com/awslabs/amazon-eks-ami/blob/main/nodeadm/internal/api/status.go
    """
    role = ServiceRole(
        "node-role",
        ServiceRoleArgs(
            environment=environment,
            part="node",
            service="ec2.amazonaws.com",
            managed_policies=["AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly"],
            boundary_arn=boundary_arn,
        ),
        opts=opts,
    )
    return role.arn


@dataclass(frozen=True, kw_only=True)
class NodePoolArgs:
    """What a pool is made from.

    Attributes:
        environment: the stack.
        pool: the pool's name; its nodes carry it as a label.
        cluster_name: the cluster's, known once the add-ons that nodes need are there.
        kubernetes_version: the cluster's.
        role_arn: of :func:`node_role`.
        subnet_ids: private subnets in the zones that have the instance type.
        instance_type: one of :mod:`infra.instance_types`; those with GPUs are tainted.
        capacity: spot costs a third, and may go with two minutes' notice.
        disk_gib: size of the root volume.
        min: nodes at rest.
        max: nodes at the most.
    """

    environment: str
    pool: str
    cluster_name: pulumi.Input[str]
    kubernetes_version: str
    role_arn: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    instance_type: str
    min: int
    max: int
    capacity: Literal["on_demand", "spot"] = "on_demand"
    disk_gib: int = 50


class NodePool(pulumi.ComponentResource):
    """A managed node group of one instance type, between its minimum and maximum as the autoscaler decides.

    Attributes:
        cluster_name: the cluster's, known once the pool is there.
        autoscaling_group_name: of the group that EKS makes for it.
    """

    cluster_name: pulumi.Output[str]
    autoscaling_group_name: pulumi.Output[str]

    def __init__(self, name: str, args: NodePoolArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:aws:NodePool", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        instance = instance_types.find(args.instance_type)
        labels = node_labels(args.pool, instance)
        template = _launch_template(name, args, child)
        taint = aws.eks.NodeGroupTaintArgs(key=naming.GPU_RESOURCE, value="true", effect="NO_SCHEDULE")
        group = aws.eks.NodeGroup(
            name,
            cluster_name=args.cluster_name,
            version=args.kubernetes_version,
            node_role_arn=args.role_arn,
            subnet_ids=args.subnet_ids,
            ami_type="AL2023_x86_64_NVIDIA" if instance.gpus else "AL2023_x86_64_STANDARD",
            instance_types=[args.instance_type],
            capacity_type=args.capacity.upper(),
            launch_template=aws.eks.NodeGroupLaunchTemplateArgs(
                id=template.id, version=template.latest_version.apply(str)
            ),
            labels=labels,
            taints=[taint] if instance.gpus else None,
            scaling_config=aws.eks.NodeGroupScalingConfigArgs(
                min_size=args.min, max_size=args.max, desired_size=args.min
            ),
            # One after the other; and by EKS's default strategy a new node comes before an old one goes,
            # so that a pool of one node is never without.
            update_config=aws.eks.NodeGroupUpdateConfigArgs(max_unavailable=1),
            # After creation the autoscaler decides how many there are. A change of min or max still sends a size along,
            # the last one that the state knows: `pulumi up --refresh` makes that the present one.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["scalingConfig.desiredSize"]),
        )
        self.cluster_name = group.cluster_name
        self.autoscaling_group_name = group.resources.apply(_autoscaling_group)
        for hint, value in autoscaler_hints(labels, instance).items():
            aws.autoscaling.Tag(
                f"{name}-{hint.removeprefix(_HINTS + '/')}",
                autoscaling_group_name=self.autoscaling_group_name,
                tag=aws.autoscaling.TagTagArgs(key=hint, value=value, propagate_at_launch=False),
                opts=child,
            )
        self.register_outputs({"autoscaling_group_name": self.autoscaling_group_name})


def node_labels(pool: str, instance: instance_types.InstanceType) -> dict[str, str]:
    """The labels of a pool's nodes, with those that say which GPU they have."""
    labels = naming.node_labels(pool)
    if gpu := instance.gpu:
        model = gpu.name.replace(" ", "-")
        labels |= {
            f"{naming.DOMAIN}/gpu-architecture": gpu.architecture,
            f"{naming.DOMAIN}/gpu-model": model,
            _ACCELERATOR_LABEL: f"nvidia-{model.lower()}",
        }
    return labels


def autoscaler_hints(labels: dict[str, str], instance: instance_types.InstanceType) -> dict[str, str]:
    """Tags that tell the autoscaler what a node will be like before there is one."""
    hints = {f"{_HINTS}/label/{key}": value for key, value in labels.items()}
    if instance.gpus:
        hints[f"{_HINTS}/taint/{naming.GPU_RESOURCE}"] = "true:NoSchedule"
        hints[f"{_HINTS}/resources/{naming.GPU_RESOURCE}"] = str(instance.gpus)
    return hints


def _launch_template(name: str, args: NodePoolArgs, opts: pulumi.ResourceOptions) -> aws.ec2.LaunchTemplate:
    tags = {**naming.tags(args.environment), "Name": naming.aws_name(args.environment, args.pool)}
    return aws.ec2.LaunchTemplate(
        name,
        description=f"Nodes of pool {args.pool}",
        metadata_options=aws.ec2.LaunchTemplateMetadataOptionsArgs(
            http_endpoint="enabled",
            http_tokens="required",
            # Answers reach the host and no pod: the node's role is not theirs.
            http_put_response_hop_limit=1,
        ),
        block_device_mappings=[
            aws.ec2.LaunchTemplateBlockDeviceMappingArgs(
                device_name="/dev/xvda",
                ebs=aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
                    volume_type="gp3",
                    volume_size=args.disk_gib,
                    encrypted="true",
                    delete_on_termination="true",
                ),
            )
        ],
        # The provider's default tags reach the template, not what is launched from it.
        tag_specifications=[
            aws.ec2.LaunchTemplateTagSpecificationArgs(resource_type=kind, tags=tags)
            for kind in ("instance", "volume", "network-interface")
        ],
        opts=opts,
    )


def _autoscaling_group(resources: Sequence[aws.eks.outputs.NodeGroupResource]) -> str:
    groups = resources[0].autoscaling_groups or []
    return groups[0].name or ""
