"""The add-ons that EKS manages, each in a version that is pinned for the cluster's Kubernetes version."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.aws.identity import PodRole, PodRoleArgs, ServiceAccount

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra.aws.policy_document import Statement

# What `aws eks describe-addon-versions --kubernetes-version <version>` lists; read 2026-08. All three Kubernetes
# versions share the add-ons that do not depend on it.
_SHARED = {
    "vpc-cni": "v1.22.4-eksbuild.3",
    "eks-pod-identity-agent": "v1.3.10-eksbuild.3",
    "aws-ebs-csi-driver": "v1.63.0-eksbuild.1",
    "aws-secrets-store-csi-driver-provider": "v3.1.1-eksbuild.1",
    "aws-mountpoint-s3-csi-driver": "v2.5.0-eksbuild.1",
}
VERSIONS = {
    "1.33": {**_SHARED, "kube-proxy": "v1.33.10-eksbuild.18", "coredns": "v1.12.4-eksbuild.18"},
    "1.34": {**_SHARED, "kube-proxy": "v1.34.6-eksbuild.18", "coredns": "v1.12.4-eksbuild.18"},
    "1.35": {**_SHARED, "kube-proxy": "v1.35.3-eksbuild.18", "coredns": "v1.13.2-eksbuild.11"},
}

# Without these a node never becomes ready: they wait for no node, nodes wait for them.
BEFORE_NODES = ("vpc-cni", "kube-proxy", "eks-pod-identity-agent")
# EKS calls these broken until a node runs them: they come after the system pool.
AFTER_NODES = (
    "coredns",
    "aws-ebs-csi-driver",
    "aws-secrets-store-csi-driver-provider",
    "aws-mountpoint-s3-csi-driver",
)

# Those that call AWS: the service account of their pods, and the policy that AWS maintains for it. Without a role of
# their own they would need the node's, and with it every pod on the host's network.
ROLES = {
    "vpc-cni": (ServiceAccount(namespace="kube-system", name="aws-node"), "AmazonEKS_CNI_Policy"),
    "aws-ebs-csi-driver": (
        ServiceAccount(namespace="kube-system", name="ebs-csi-controller-sa"),
        "service-role/AmazonEBSCSIDriverPolicy",
    ),
}

_ON_SYSTEM_POOL = {"nodeSelector": naming.node_labels("system")}
_GPU_TOLERATION = {"key": naming.GPU_RESOURCE, "operator": "Exists", "effect": "NoSchedule"}


def configuration(addon: str, *, region: str) -> dict[str, Any]:
    """What is set of an add-on besides its version.

    What runs on every node tolerates the taint of GPU nodes; what runs once stays on the system pool, so that a
    cluster whose other nodes are all for GPUs, or are not there yet, has DNS and volumes. Region is told to what is
    not on the host's network: with a hop limit of 1 pods cannot ask the instance.
    """
    match addon:
        case "vpc-cni":
            # It enforces no NetworkPolicy by itself. Its pods, kube-proxy's and the identity agent's tolerate all.
            return {"enableNetworkPolicy": "true"}
        case "coredns":
            return {**_ON_SYSTEM_POOL, "replicaCount": 2}
        case "aws-ebs-csi-driver":
            return {
                "controller": {**_ON_SYSTEM_POOL, "region": region},
                "node": {"tolerateAllTaints": True},
            }
        case "aws-mountpoint-s3-csi-driver":
            return {"controller": _ON_SYSTEM_POOL, "node": {"tolerateAllTaints": True}}
        case "aws-secrets-store-csi-driver-provider":
            return {
                "awsRegion": region,
                "tolerations": [_GPU_TOLERATION],
                # Files only: no copy as a Secret that whoever may list Secrets could read. Rotated ones are re-read.
                "secrets-store-csi-driver": {
                    "syncSecret": {"enabled": False},
                    "enableSecretRotation": True,
                    "rotationPollInterval": "2m",
                },
            }
        case _:
            return {}


@dataclass(frozen=True, kw_only=True)
class AddonsArgs:
    """What add-ons are made from.

    Attributes:
        environment: the stack.
        cluster_name: the cluster's; the pool's for those that come after nodes.
        kubernetes_version: the cluster's, one of :data:`VERSIONS`.
        region: the cluster's.
        boundary_arn: what roles of this stack may never do.
        statements: what the role of an add-on may do besides what AWS's own policy allows, by add-on.
        addons: :data:`BEFORE_NODES` or :data:`AFTER_NODES`.
    """

    environment: str
    cluster_name: pulumi.Input[str]
    kubernetes_version: str
    region: str
    boundary_arn: pulumi.Input[str]
    statements: Mapping[str, Sequence[Statement]]
    addons: Sequence[str]


class Addons(pulumi.ComponentResource):
    """Some of the add-ons of a cluster.

    Attributes:
        cluster_name: the cluster's, known once the add-ons are there.
    """

    cluster_name: pulumi.Output[str]

    def __init__(self, name: str, args: AddonsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:aws:Addons", name, None, opts)
        self._args = args
        names = pulumi.Output.all(*(self._addon(name, addon).cluster_name for addon in args.addons))
        self.cluster_name = names.apply(lambda known: known[0])
        self.register_outputs({"cluster_name": self.cluster_name})

    def _addon(self, name: str, addon: str) -> aws.eks.Addon:
        args = self._args
        values = configuration(addon, region=args.region)
        return aws.eks.Addon(
            f"{name}-{addon}",
            cluster_name=args.cluster_name,
            addon_name=addon,
            addon_version=VERSIONS[args.kubernetes_version][addon],
            configuration_values=json.dumps(values, sort_keys=True) if values else None,
            # What is written here counts; what somebody changed by hand goes.
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            # Pods get their role when they start.
            opts=pulumi.ResourceOptions(parent=self, depends_on=self._role(addon)),
        )

    def _role(self, addon: str) -> list[pulumi.Resource]:
        if addon not in ROLES:
            return []
        args = self._args
        account, policy = ROLES[addon]
        role = PodRole(
            addon,
            PodRoleArgs(
                environment=args.environment,
                cluster=args.cluster_name,
                accounts=[account],
                boundary_arn=args.boundary_arn,
                managed_policies=[policy],
                statements=args.statements.get(addon, ()),
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return [role]
