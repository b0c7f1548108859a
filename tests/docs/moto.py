"""An imitation of AWS on loopback, with what the runbooks expect to find in an account."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3

from tests import moto_server

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from pathlib import Path

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_eks import EKSClient
    from mypy_boto3_rds import RDSClient

REGION = "eu-central-1"


@contextmanager
def served(account: str, folder: Path) -> Generator[dict[str, str]]:
    """Serve moto as an account.

    Yields:
        The environment in which tools find it.
    """
    with moto_server.serve(account, folder / "moto.log") as url:
        yield {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
        }


def fill(environment: Mapping[str, str], *, stack: str) -> None:
    """Make the cluster, the pool and the database that a stack would have made."""
    session = boto3.Session(
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
    )
    url, name = environment["AWS_ENDPOINT_URL"], f"inferstack-{stack}"
    ec2: EC2Client = session.client("ec2", endpoint_url=url)  # pyright: ignore[reportUnknownMemberType]  # has an overload for every service, most without stubs here
    eks: EKSClient = session.client("eks", endpoint_url=url)  # pyright: ignore[reportUnknownMemberType]  # as above
    rds: RDSClient = session.client("rds", endpoint_url=url)  # pyright: ignore[reportUnknownMemberType]  # as above
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16").get("Vpc", {}).get("VpcId", "")
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{index}.0/24", AvailabilityZone=f"{REGION}{zone}")
        .get("Subnet", {})
        .get("SubnetId", "")
        for index, zone in enumerate("ab")
    ]
    role = "arn:aws:iam::123456789012:role/any"
    eks.create_cluster(name=name, version="1.35", roleArn=role, resourcesVpcConfig={"subnetIds": subnets})
    eks.create_nodegroup(clusterName=name, nodegroupName="gpu", subnets=subnets, nodeRole=role)
    rds.create_db_subnet_group(
        DBSubnetGroupName=f"{name}-database", DBSubnetGroupDescription="private", SubnetIds=subnets
    )
    group = ec2.create_security_group(GroupName="database", Description="database", VpcId=vpc)["GroupId"]
    rds.create_db_instance(
        DBInstanceIdentifier=f"{name}-database",
        DBInstanceClass="db.t4g.micro",
        Engine="postgres",
        MasterUsername="inferstack",
        MasterUserPassword="not-a-real-one",
        AllocatedStorage=20,
        DBSubnetGroupName=f"{name}-database",
        VpcSecurityGroupIds=[group],
        BackupRetentionPeriod=7,
    )
