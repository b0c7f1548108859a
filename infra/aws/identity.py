"""What pods may do in AWS: one role for each workload, by EKS pod identity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.aws.policy_document import Statement, document

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True)
class ServiceAccount:
    """A Kubernetes service account, which pods of a workload run as."""

    namespace: str
    name: str


@dataclass(frozen=True, kw_only=True)
class PodRoleArgs:
    """What a role for pods is made from.

    Attributes:
        environment: the stack.
        cluster: name of the EKS cluster.
        accounts: whose pods get the role.
        boundary_arn: what the role may never do (:class:`infra.aws.boundary.Boundary`).
        statements: what it may do.
        managed_policies: policies that AWS maintains, by name, for AWS's own add-ons.
    """

    environment: str
    cluster: pulumi.Input[str]
    accounts: Sequence[ServiceAccount]
    boundary_arn: pulumi.Input[str]
    statements: Sequence[Statement] = ()
    managed_policies: Sequence[str] = ()


class PodRole(pulumi.ComponentResource):
    """A role, what it may do, and the service accounts that have it.

    Attributes:
        arn: of the role, known once pods of its accounts get it.
    """

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: PodRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:aws:PodRole", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            name,
            name=naming.aws_name(args.environment, name),
            assume_role_policy=document(_trust()),
            permissions_boundary=args.boundary_arn,
            opts=child,
        )
        granted: list[pulumi.Resource] = [
            aws.iam.RolePolicyAttachment(
                f"{name}-{policy.rpartition('/')[2]}",
                role=role.name,
                policy_arn=f"arn:aws:iam::aws:policy/{policy}",
                opts=child,
            )
            for policy in args.managed_policies
        ]
        if args.statements:
            granted.append(
                aws.iam.RolePolicy(name, name=name, role=role.id, policy=document(*args.statements), opts=child)
            )
        # Pods get their credentials when they start: what the role may do must be there by then.
        associations = [
            aws.eks.PodIdentityAssociation(
                f"{name}-{account.name}",
                cluster_name=args.cluster,
                namespace=account.namespace,
                service_account=account.name,
                role_arn=role.arn,
                opts=pulumi.ResourceOptions(parent=self, depends_on=granted),
            )
            for account in args.accounts
        ]
        known = pulumi.Output.all(role.arn, *(association.association_id for association in associations))
        self.arn = known.apply(lambda values: values[0])
        self.register_outputs({"arn": self.arn})


def _trust() -> Statement:
    return Statement(
        sid="Pods", principals={"Service": "pods.eks.amazonaws.com"}, actions=["sts:AssumeRole", "sts:TagSession"]
    )
