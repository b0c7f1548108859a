"""CI's way in: runners of GitHub Actions inside the VPC, for stacks whose API server is private."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.aws.policy_document import Statement, document

if TYPE_CHECKING:
    from collections.abc import Sequence

# An update and a preview: Pulumi's lock lets no second update of a stack run anyway.
_JOBS_AT_A_TIME = 2
_MINUTES = 120
_HTTPS = 443


@dataclass(frozen=True, kw_only=True)
class RunnerArgs:
    """What runners are made from.

    Attributes:
        environment: the stack.
        account: its account.
        region: its region.
        repository: whose jobs run here, ``owner/name``.
        vpc_id: the network that they run in.
        subnet_ids: private subnets with a way to GitHub.
        api_server_group_id: the security group of the cluster's API server, which they may reach.
        boundary_arn: what the runners' role may never do.
        log_key_arn: the KMS key of their logs.
        log_days: how long those are kept.
    """

    environment: str
    account: str
    region: str
    repository: str
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    api_server_group_id: pulumi.Input[str]
    boundary_arn: pulumi.Input[str]
    log_key_arn: pulumi.Input[str]
    log_days: int


class Runner(pulumi.ComponentResource):
    """A CodeBuild project that runs a job of GitHub Actions when one asks for it, each on a fresh machine.

    A job asks with ``runs-on: codebuild-<project>-${{ github.run_id }}-${{ github.run_attempt }}``. The machine may do
    nothing in AWS; the job gets its rights from its own token (:mod:`infra.aws.ci`).

    The connection to GitHub waits until a person has authorised it in the console, once; the webhook can be made only
    after that.

    Attributes:
        project: name of the project.
        connection_arn: the connection that has to be authorised.
    """

    project: pulumi.Output[str]
    connection_arn: pulumi.Output[str]

    def __init__(self, name: str, args: RunnerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:aws:Runner", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        full_name = naming.aws_name(args.environment, name)
        connection = aws.codeconnections.Connection(name, name=full_name, provider_type="GitHub", opts=child)
        logs = aws.cloudwatch.LogGroup(
            name,
            name=f"/aws/codebuild/{full_name}",
            retention_in_days=args.log_days,
            kms_key_id=args.log_key_arn,
            opts=child,
        )
        role = aws.iam.Role(
            name,
            name=full_name,
            assume_role_policy=document(_trust(args.account)),
            permissions_boundary=args.boundary_arn,
            opts=child,
        )
        allowed = aws.iam.RolePolicy(
            name,
            name=name,
            role=role.id,
            policy=document(*_statements(args, log_group_arn=logs.arn, connection_arn=connection.arn)),
            opts=child,
        )
        project = aws.codebuild.Project(
            name,
            name=full_name,
            description="Jobs of GitHub Actions inside the VPC",
            service_role=role.arn,
            artifacts=aws.codebuild.ProjectArtifactsArgs(type="NO_ARTIFACTS"),
            environment=aws.codebuild.ProjectEnvironmentArgs(
                type="LINUX_CONTAINER",
                compute_type="BUILD_GENERAL1_MEDIUM",
                image="aws/codebuild/amazonlinux-x86_64-standard:5.0",
            ),
            source=aws.codebuild.ProjectSourceArgs(
                type="GITHUB",
                location=f"https://github.com/{args.repository}.git",
                git_clone_depth=1,
                auth=aws.codebuild.ProjectSourceAuthArgs(type="CODECONNECTIONS", resource=connection.arn),
            ),
            vpc_config=aws.codebuild.ProjectVpcConfigArgs(
                vpc_id=args.vpc_id, subnets=args.subnet_ids, security_group_ids=[self._firewall(name, full_name, args)]
            ),
            logs_config=aws.codebuild.ProjectLogsConfigArgs(
                cloudwatch_logs=aws.codebuild.ProjectLogsConfigCloudwatchLogsArgs(
                    status="ENABLED", group_name=logs.name
                )
            ),
            concurrent_build_limit=_JOBS_AT_A_TIME,
            build_timeout=_MINUTES,
            # CodeBuild tries the role when it makes the project.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[allowed]),
        )
        aws.codebuild.Webhook(
            name,
            project_name=project.name,
            build_type="BUILD",
            filter_groups=[
                aws.codebuild.WebhookFilterGroupArgs(
                    filters=[aws.codebuild.WebhookFilterGroupFilterArgs(type="EVENT", pattern="WORKFLOW_JOB_QUEUED")]
                )
            ],
            opts=child,
        )
        self.project, self.connection_arn = project.name, connection.arn
        self.register_outputs({"project": self.project, "connectionArn": self.connection_arn})

    def _firewall(self, name: str, full_name: str, args: RunnerArgs) -> pulumi.Output[str]:
        """The security group: in from nowhere, out by HTTPS; and the door of the API server."""
        child = pulumi.ResourceOptions(parent=self)
        group = aws.ec2.SecurityGroup(
            name,
            name_prefix=f"{full_name}-",
            description="Runners of GitHub Actions",
            vpc_id=args.vpc_id,
            opts=child,
        )
        aws.vpc.SecurityGroupEgressRule(
            f"{name}-https",
            description="GitHub, AWS, package registries and the API server",
            security_group_id=group.id,
            cidr_ipv4="0.0.0.0/0",
            ip_protocol="tcp",
            from_port=_HTTPS,
            to_port=_HTTPS,
            opts=child,
        )
        aws.vpc.SecurityGroupIngressRule(
            f"{name}-to-api-server",
            description="API server from runners",
            security_group_id=args.api_server_group_id,
            referenced_security_group_id=group.id,
            ip_protocol="tcp",
            from_port=_HTTPS,
            to_port=_HTTPS,
            opts=child,
        )
        return group.id


def _trust(account: str) -> Statement:
    return Statement(
        sid="CodeBuild",
        principals={"Service": "codebuild.amazonaws.com"},
        actions=["sts:AssumeRole"],
        conditions={"StringEquals": {"aws:SourceAccount": account}},
    )


def _statements(
    args: RunnerArgs, *, log_group_arn: pulumi.Output[str], connection_arn: pulumi.Output[str]
) -> tuple[Statement, ...]:
    """What CodeBuild itself needs. Source: https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up.html."""
    here = f"arn:aws:ec2:{args.region}:{args.account}"
    subnets = [pulumi.Output.concat(f"{here}:subnet/", subnet) for subnet in args.subnet_ids]
    return (
        Statement(
            sid="WriteLogs",
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[pulumi.Output.concat(log_group_arn, ":*")],
        ),
        Statement(
            sid="ReachGitHub",
            actions=[
                "codeconnections:GetConnection",
                "codeconnections:GetConnectionToken",
                "codeconnections:UseConnection",
            ],
            resources=[connection_arn],
        ),
        # AWS knows no resources for the first, and makes the second's just before.
        Statement(
            sid="JoinTheNetwork",
            actions=[
                "ec2:CreateNetworkInterface",
                "ec2:DeleteNetworkInterface",
                "ec2:DescribeDhcpOptions",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSubnets",
                "ec2:DescribeVpcs",
            ],
            resources=["*"],
        ),
        Statement(
            sid="LendInterfacesToCodeBuild",
            actions=["ec2:CreateNetworkInterfacePermission"],
            resources=[f"{here}:network-interface/*"],
            conditions={
                "StringEquals": {"ec2:AuthorizedService": "codebuild.amazonaws.com"},
                "ArnEquals": {"ec2:Subnet": subnets},
            },
        ),
    )
