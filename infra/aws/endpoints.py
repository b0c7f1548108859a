"""Ways from a VPC to services of AWS that do not lead over the internet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.aws.policy_document import Statement, document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra import settings

# What every node needs all the time: images, credentials, logs.
_NODES = ("ecr.api", "ecr.dkr", "sts", "logs")
# What a node needs to join, and pods to get their role and their secrets: without it they hang on NAT.
_PRIVATE = (*_NODES, "ec2", "eks-auth", "secretsmanager")


@dataclass(frozen=True, kw_only=True)
class EndpointsArgs:
    """What endpoints are made from.

    Attributes:
        environment: the stack.
        aws: its settings.
        vpc_id: the VPC's.
        subnet_ids: one private subnet a zone.
        route_table_ids: of all private subnets.
    """

    environment: str
    aws: settings.Aws
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    route_table_ids: Sequence[pulumi.Input[str]]


class Endpoints(pulumi.ComponentResource):
    """A gateway to S3, which costs nothing, and interfaces to other services, which cost by the hour and zone.

    Development has the fewest in one zone; the others have all in every zone.
    """

    def __init__(self, name: str, args: EndpointsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:aws:Endpoints", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        region, account = args.aws.region, args.aws.account
        small = args.aws.tier == "development"

        aws.ec2.VpcEndpoint(
            f"{name}-s3",
            vpc_id=args.vpc_id,
            service_name=f"com.amazonaws.{region}.s3",
            vpc_endpoint_type="Gateway",
            route_table_ids=args.route_table_ids,
            policy=document(*_s3_statements(account=account, region=region)),
            tags={"Name": naming.aws_name(args.environment, "s3")},
            opts=child,
        )
        group = aws.ec2.SecurityGroup(
            name,
            description="Endpoints of AWS services",
            vpc_id=args.vpc_id,
            tags={"Name": naming.aws_name(args.environment, "endpoints")},
            opts=child,
        )
        aws.vpc.SecurityGroupIngressRule(
            name,
            security_group_id=group.id,
            description="HTTPS from the VPC",
            cidr_ipv4=args.aws.network.cidr,
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            opts=child,
        )
        for service in _NODES if small else _PRIVATE:
            aws.ec2.VpcEndpoint(
                f"{name}-{service}",
                vpc_id=args.vpc_id,
                service_name=f"com.amazonaws.{region}.{service}",
                vpc_endpoint_type="Interface",
                subnet_ids=args.subnet_ids[:1] if small else args.subnet_ids,
                security_group_ids=[group.id],
                private_dns_enabled=True,
                policy=document(*_interface_statements(service, account=account)),
                tags={"Name": naming.aws_name(args.environment, service)},
                opts=child,
            )
        self.register_outputs({})


def _s3_statements(*, account: str, region: str) -> list[Statement]:
    """This account's buckets, and those of AWS that images and packages come from: no way to carry data elsewhere."""
    return [
        Statement(
            sid="OwnBuckets",
            principals={"AWS": "*"},
            actions=["s3:*"],
            resources=["*"],
            conditions={"StringEquals": {"aws:ResourceAccount": account}},
        ),
        # https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html,
        # https://docs.aws.amazon.com/linux/al2023/ug/managing-repos-os-updates.html and
        # https://github.com/kubernetes/registry.k8s.io, which sends whoever asks from AWS to a bucket of his region.
        Statement(
            sid="LayersAndPackages",
            principals={"AWS": "*"},
            actions=["s3:GetObject"],
            resources=[
                f"arn:aws:s3:::prod-{region}-starport-layer-bucket/*",
                f"arn:aws:s3:::prod-registry-k8s-io-{region}/*",
                f"arn:aws:s3:::al2023-repos-{region}-de612dc2/*",
            ],
        ),
    ]


def _interface_statements(service: str, *, account: str) -> list[Statement]:
    """Whoever is of this account; whose credentials are another's carries nothing out this way."""
    own = Statement(
        sid="OwnPrincipals",
        principals={"AWS": "*"},
        actions=["*"],
        resources=["*"],
        conditions={"StringEquals": {"aws:PrincipalAccount": account}},
    )
    if service != "sts":
        return [own]
    # A CI runner has no credentials yet when it trades GitHub's token for a role.
    with_token = Statement(
        sid="TokensForRoles",
        principals={"AWS": "*"},
        actions=["sts:AssumeRoleWithWebIdentity"],
        resources=[f"arn:aws:iam::{account}:role/*"],
    )
    return [own, with_token]
