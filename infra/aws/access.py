"""Who may use a cluster's API, as access entries of EKS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pulumi
import pulumi_aws as aws

if TYPE_CHECKING:
    from collections.abc import Mapping

# https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html
# The second one sees no Secrets; AmazonEKSAdminViewPolicy, which sounds as harmless, does.
AccessPolicy = Literal["AmazonEKSClusterAdminPolicy", "AmazonEKSViewPolicy"]


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What a role of IAM may do in the whole cluster.

    Attributes:
        principal_arn: the role's or the user's.
        policy: of EKS.
    """

    principal_arn: pulumi.Input[str]
    policy: AccessPolicy


@dataclass(frozen=True, kw_only=True)
class ClusterAccessArgs:
    """What access is made from.

    Attributes:
        cluster_name: the cluster's.
        grants: by a short name that stays the same when the order changes.
    """

    cluster_name: pulumi.Input[str]
    grants: Mapping[str, Grant]


class ClusterAccess(pulumi.ComponentResource):
    """One access entry and one policy for each grant.

    Attributes:
        cluster_name: the cluster's, known once everybody has access.
    """

    cluster_name: pulumi.Output[str]

    def __init__(self, name: str, args: ClusterAccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:aws:ClusterAccess", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        granted = [pulumi.Output.from_input(args.cluster_name)]
        for who, grant in args.grants.items():
            entry = aws.eks.AccessEntry(
                f"{name}-{who}",
                cluster_name=args.cluster_name,
                principal_arn=grant.principal_arn,
                opts=child,
            )
            association = aws.eks.AccessPolicyAssociation(
                f"{name}-{who}",
                cluster_name=args.cluster_name,
                principal_arn=entry.principal_arn,
                policy_arn=f"arn:aws:eks::aws:cluster-access-policy/{grant.policy}",
                access_scope=aws.eks.AccessPolicyAssociationAccessScopeArgs(type="cluster"),
                opts=child,
            )
            granted.append(association.cluster_name)
        self.cluster_name = pulumi.Output.all(*granted).apply(lambda known: known[0])
        self.register_outputs({"cluster_name": self.cluster_name})
