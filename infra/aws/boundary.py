"""What no role of a stack may ever do, whatever its own policy says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.aws.policy_document import Statement, document

if TYPE_CHECKING:
    from collections.abc import Sequence

# Whoever may do one of these can give himself every right, or hide what he did.
_NEVER = ("iam:*", "organizations:*", "account:*", "cloudtrail:*", "config:*", "guardduty:*", "sts:AssumeRole")
# Whoever may do one of these can lose data for good, or show it to the world.
_DESTRUCTIVE = (
    "ecr:DeleteRepository",
    "ecr:SetRepositoryPolicy",
    "kms:DisableKey",
    "kms:PutKeyPolicy",
    "kms:ScheduleKeyDeletion",
    "logs:DeleteLogGroup",
    "rds:Delete*",
    "rds:Modify*",
    "s3:DeleteBucket*",
    "s3:DeleteObjectVersion",
    "s3:PutBucket*",
    "s3:PutLifecycleConfiguration",
    "secretsmanager:DeleteSecret",
    "secretsmanager:PutResourcePolicy",
)


@dataclass(frozen=True, kw_only=True)
class BoundaryArgs:
    """What the boundary is made from.

    Attributes:
        environment: the stack.
        regions: where its roles may act: the stack's region, and that of the registry.
    """

    environment: str
    regions: Sequence[str]


class Boundary(pulumi.ComponentResource):
    """The permissions boundary of every role of a stack: nodes, add-ons and workloads.

    CI may make roles only if they carry it, and may not change it (:mod:`infra.aws.ci`).

    Attributes:
        arn: of the policy.
    """

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: BoundaryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:aws:Boundary", name, None, opts)
        policy = aws.iam.Policy(
            name,
            name=boundary_name(args.environment),
            description="What no role of this stack may ever do",
            policy=document(*statements(args.regions)),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.arn = policy.arn
        self.register_outputs({"arn": self.arn})


def boundary_name(environment: str) -> str:
    """Its name, which CI's policy must know."""
    return naming.aws_name(environment, "boundary")


def statements(regions: Sequence[str]) -> tuple[Statement, ...]:
    """The boundary's policy: it grants nothing, a role may do what both it and the role's own policy allow."""
    return (
        Statement(
            sid="InRegion",
            not_actions=_NEVER,
            resources=["*"],
            conditions={"StringEquals": {"aws:RequestedRegion": list(regions)}},
        ),
        # EKS and its add-ons make these where they are missing.
        Statement(
            sid="ServiceRoles",
            actions=["iam:CreateServiceLinkedRole"],
            resources=["arn:aws:iam::*:role/aws-service-role/*"],
        ),
        Statement(sid="KeepData", effect="Deny", actions=_DESTRUCTIVE, resources=["*"]),
    )
