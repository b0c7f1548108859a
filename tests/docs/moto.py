"""An imitation of AWS on loopback, with what the runbooks expect to find in an account."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import httpx

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_eks import EKSClient
    from mypy_boto3_rds import RDSClient

REGION = "eu-central-1"
_SECONDS = 60.0


@contextmanager
def served(account: str, folder: Path) -> Generator[dict[str, str]]:
    """Serve moto as an account.

    Yields:
        The environment in which tools find it.
    """
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    program = Path(sys.executable).with_name("moto_server")
    environment = {**os.environ, "MOTO_ACCOUNT_ID": account, "MOTO_EKS_CLUSTER_READY_IMMEDIATELY": "true"}
    with (folder / "moto.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [str(program), "-H", "127.0.0.1", "-p", str(port)], env=environment, stdout=log, stderr=log
        )
    try:
        _wait(url, process)
        yield {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
        }
    finally:
        process.terminate()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(url, timeout=1)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("moto does not answer")


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
