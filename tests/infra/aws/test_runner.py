"""CI's way in."""

from __future__ import annotations

import pytest

from infra.aws.runner import Runner, RunnerArgs
from tests.infra.aws.iam import allows
from tests.infra.aws.recorder import ACCOUNT, REGION, Recording, record

BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/inferstack-prod-boundary"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/logs"


@pytest.fixture(scope="module")
def declared() -> Recording:
    """The runners of prod."""
    return record(
        lambda: Runner(
            "runner",
            RunnerArgs(
                environment="prod",
                account=ACCOUNT,
                region=REGION,
                repository="example/inferstack",
                vpc_id="vpc-1",
                subnet_ids=["subnet-a", "subnet-b"],
                api_server_group_id="sg-cluster",
                boundary_arn=BOUNDARY,
                log_key_arn=KEY,
                log_days=365,
            ),
        )
    )


def test_a_job_of_the_repository_gets_a_machine(declared: Recording) -> None:
    """The project is the repository's, runs when a job is queued and at no other event, and is not privileged."""
    project = declared.one("codebuild/project:Project")
    assert project["source"]["location"] == "https://github.com/example/inferstack.git"
    assert project["source"]["auth"]["type"] == "CODECONNECTIONS"
    assert project["environment"].get("privilegedMode", False) is False
    assert "environmentVariables" not in project["environment"]
    assert project["artifacts"] == {"type": "NO_ARTIFACTS"}
    (group,) = declared.one("codebuild/webhook:Webhook")["filterGroups"]
    assert group["filters"] == [{"type": "EVENT", "pattern": "WORKFLOW_JOB_QUEUED"}]


def test_it_is_in_the_private_network(declared: Recording) -> None:
    """Machines are in the private subnets: nothing comes in, HTTPS goes out, and the API server lets them in."""
    network = declared.one("codebuild/project:Project")["vpcConfig"]
    assert network["vpcId"] == "vpc-1"
    assert network["subnets"] == ["subnet-a", "subnet-b"]
    (own,) = network["securityGroupIds"]
    out = declared.one("SecurityGroupEgressRule")
    assert (out["securityGroupId"], out["fromPort"], out["toPort"]) == (own, 443, 443)
    door = declared.one("SecurityGroupIngressRule")
    assert door["securityGroupId"] == "sg-cluster"
    assert door["referencedSecurityGroupId"] == own
    assert (door["fromPort"], door["toPort"]) == (443, 443)


def test_the_machine_itself_may_do_nothing(declared: Recording) -> None:
    """Its role joins the network, writes its log and speaks to GitHub; a job gets its rights from its own token."""
    role = declared.one("iam/role:Role")
    assert role["permissionsBoundary"] == BOUNDARY
    account = {"aws:SourceAccount": ACCOUNT}
    builder = "codebuild.amazonaws.com"
    assert allows(role["assumeRolePolicy"], action="sts:AssumeRole", principal=builder, context=account)
    other = {"aws:SourceAccount": "999999999999"}
    assert not allows(role["assumeRolePolicy"], action="sts:AssumeRole", principal=builder, context=other)
    policy = declared.one("RolePolicy")["policy"]
    for action in ("sts:AssumeRole", "eks:DescribeCluster", "s3:GetObject", "secretsmanager:GetSecretValue"):
        assert not allows(policy, action=action)
    subnet = f"arn:aws:ec2:{REGION}:{ACCOUNT}:subnet/subnet"
    interface = f"arn:aws:ec2:{REGION}:{ACCOUNT}:network-interface/eni-1"

    def may_lend(to: str, subnet: str) -> bool:
        context = {"ec2:AuthorizedService": to, "ec2:Subnet": subnet}
        return allows(policy, action="ec2:CreateNetworkInterfacePermission", resource=interface, context=context)

    assert may_lend(builder, f"{subnet}-a")
    assert not may_lend(builder, f"{subnet}-z")
    assert not may_lend("somebody", f"{subnet}-a")


def test_what_it_did_is_kept(declared: Recording) -> None:
    """Logs are encrypted and kept as long as the settings say."""
    logs = declared.one("LogGroup")
    assert (logs["kmsKeyId"], logs["retentionInDays"]) == (KEY, 365)
    kept = declared.one("codebuild/project:Project")["logsConfig"]["cloudwatchLogs"]
    assert kept == {"status": "ENABLED", "groupName": logs["name"]}
