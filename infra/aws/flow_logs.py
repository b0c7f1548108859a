"""Flow logs: who talked to whom in a VPC, and what was refused."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.aws.policy_document import Statement, document
from infra.aws.service_role import trust


@dataclass(frozen=True, kw_only=True)
class FlowLogsArgs:
    """What flow logs are made from.

    Attributes:
        environment: the stack.
        vpc_id: the VPC that is watched.
        days: how long records are kept.
        key_arn: the key that encrypts them.
        boundary_arn: what the role that writes them may never do.
    """

    environment: str
    vpc_id: pulumi.Input[str]
    days: int
    key_arn: pulumi.Input[str]
    boundary_arn: pulumi.Input[str]


class FlowLogs(pulumi.ComponentResource):
    """Records of all traffic of a VPC, in an encrypted log group."""

    def __init__(self, name: str, args: FlowLogsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:aws:FlowLogs", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        group = aws.cloudwatch.LogGroup(
            name,
            name=f"/aws/vpc/{naming.aws_name(args.environment)}",
            retention_in_days=args.days,
            kms_key_id=args.key_arn,
            opts=child,
        )
        role = aws.iam.Role(
            name,
            name=naming.aws_name(args.environment, "flow-logs"),
            assume_role_policy=trust("vpc-flow-logs.amazonaws.com"),
            permissions_boundary=args.boundary_arn,
            opts=child,
        )
        policy = aws.iam.RolePolicy(
            name,
            role=role.id,
            policy=document(
                Statement(
                    sid="Write",
                    actions=["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
                    resources=[pulumi.Output.concat(group.arn, ":*")],
                ),
                # The service lists all groups before it writes to its own; the action takes no other resource.
                Statement(sid="List", actions=["logs:DescribeLogGroups"], resources=["*"]),
            ),
            opts=child,
        )
        aws.ec2.FlowLog(
            name,
            vpc_id=args.vpc_id,
            traffic_type="ALL",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            tags={"Name": naming.aws_name(args.environment)},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
        self.register_outputs({})
