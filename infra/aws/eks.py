"""The EKS cluster: its control plane, who may use it and how it is reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.aws.access import ClusterAccess, ClusterAccessArgs
from infra.aws.service_role import ServiceRole, ServiceRoleArgs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from infra import settings
    from infra.aws.access import Grant

_LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")


@dataclass(frozen=True, kw_only=True)
class EksArgs:
    """What a cluster is made from.

    Attributes:
        environment: the stack.
        aws: its settings.
        cluster: the cluster's settings.
        subnet_ids: private subnets in three zones.
        secrets_key_arn: the key that encrypts Kubernetes' secrets.
        log_key_arn: the key that encrypts control-plane logs.
        boundary_arn: what roles of this stack may never do.
        grants: who may use the API, by a short name; the one who deploys must be among them.
    """

    environment: str
    aws: settings.Aws
    cluster: settings.EksCluster
    subnet_ids: Sequence[pulumi.Input[str]]
    secrets_key_arn: pulumi.Input[str]
    log_key_arn: pulumi.Input[str]
    boundary_arn: pulumi.Input[str]
    grants: Mapping[str, Grant]


class Eks(pulumi.ComponentResource):
    """A control plane without nodes.

    Attributes:
        name: the cluster's.
        endpoint: URL of the API server.
        certificate_authority: of the API server, PEM in base64.
        security_group_id: the group that EKS makes for the control plane and the nodes.
        kubeconfig: how Pulumi and people reach the cluster; holds no token. Known once access is granted.
    """

    name: pulumi.Output[str]
    endpoint: pulumi.Output[str]
    certificate_authority: pulumi.Output[str]
    security_group_id: pulumi.Output[str]
    kubeconfig: pulumi.Output[str]

    def __init__(self, name: str, args: EksArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:aws:Eks", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        cluster_name = naming.aws_name(args.environment)
        production = args.aws.tier == "production"
        # EKS would make the group itself, unencrypted and kept for ever.
        logs = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            name=f"/aws/eks/{cluster_name}/cluster",
            retention_in_days=args.cluster.log_days,
            kms_key_id=args.log_key_arn,
            opts=child,
        )
        role = ServiceRole(
            f"{name}-role",
            ServiceRoleArgs(
                environment=args.environment,
                part="cluster",
                service="eks.amazonaws.com",
                managed_policies=["AmazonEKSClusterPolicy"],
                boundary_arn=args.boundary_arn,
            ),
            opts=child,
        )
        cluster = aws.eks.Cluster(
            name,
            name=cluster_name,
            version=args.cluster.version,
            role_arn=role.arn,
            access_config=aws.eks.ClusterAccessConfigArgs(
                authentication_mode="API",
                # Whoever happens to deploy first would stay administrator for ever, and be listed nowhere.
                bootstrap_cluster_creator_admin_permissions=False,
            ),
            # infra/aws/addons.py installs them, in versions that are pinned.
            bootstrap_self_managed_addons=False,
            deletion_protection=args.aws.protect,
            enabled_cluster_log_types=list(_LOG_TYPES),
            encryption_config=aws.eks.ClusterEncryptionConfigArgs(
                provider=aws.eks.ClusterEncryptionConfigProviderArgs(key_arn=args.secrets_key_arn),
                resources=["secrets"],
            ),
            kubernetes_network_config=aws.eks.ClusterKubernetesNetworkConfigArgs(
                service_ipv4_cidr=args.aws.network.services_cidr
            ),
            # At the end of standard support AWS would upgrade by itself, or ask for six times the price:
            # production is never changed behind its owners' backs, and the others show in time what comes.
            upgrade_policy=aws.eks.ClusterUpgradePolicyArgs(support_type="EXTENDED" if production else "STANDARD"),
            vpc_config=aws.eks.ClusterVpcConfigArgs(
                subnet_ids=args.subnet_ids,
                endpoint_private_access=True,
                endpoint_public_access=bool(args.cluster.public_access),
                public_access_cidrs=list(args.cluster.public_access) or None,
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[logs], protect=args.aws.protect),
        )
        access = ClusterAccess(
            f"{name}-access", ClusterAccessArgs(cluster_name=cluster.name, grants=args.grants), opts=child
        )
        self.name = cluster.name
        self.endpoint = cluster.endpoint
        self.certificate_authority = cluster.certificate_authority.apply(lambda authority: authority.data or "")
        self.security_group_id = cluster.vpc_config.apply(lambda config: config.cluster_security_group_id or "")
        self.kubeconfig = pulumi.Output.json_dumps(
            kubeconfig(
                name=access.cluster_name,
                endpoint=self.endpoint,
                certificate_authority=self.certificate_authority,
                region=args.aws.region,
            )
        )
        self.register_outputs({"name": self.name, "endpoint": self.endpoint})


def kubeconfig(
    *,
    name: pulumi.Input[str],
    endpoint: pulumi.Input[str],
    certificate_authority: pulumi.Input[str],
    region: str,
) -> dict[str, Any]:
    """A kubeconfig of one context; ``aws`` gets a token whenever one is needed, so that none is kept anywhere."""
    arguments = ["eks", "get-token", "--cluster-name", name, "--region", region]
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [
            {"name": name, "cluster": {"server": endpoint, "certificate-authority-data": certificate_authority}}
        ],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "users": [
            {
                "name": name,
                "user": {
                    "exec": {
                        "apiVersion": "client.authentication.k8s.io/v1beta1",
                        "command": "aws",
                        "args": arguments,
                        "interactiveMode": "Never",
                    }
                },
            }
        ],
    }
