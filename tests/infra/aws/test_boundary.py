"""What no role of a stack may ever do."""

from __future__ import annotations

import pytest

from infra.aws.boundary import Boundary, BoundaryArgs
from tests.infra.aws.iam import allows
from tests.infra.aws.recorder import REGION, record

HERE = {"aws:RequestedRegion": REGION}
# IAM's limit of a managed policy, without white space.
LIMIT = 6144


@pytest.fixture(scope="module")
def policy() -> str:
    """The boundary of prod."""
    declared = record(lambda: Boundary("boundary", BoundaryArgs(environment="prod", regions=[REGION, "eu-west-1"])))
    made = declared.one("Policy")
    assert made["name"] == "inferstack-prod-boundary"
    return made["policy"]


def test_it_fits(policy: str) -> None:
    """It is short enough for IAM."""
    assert len("".join(policy.split())) <= LIMIT


@pytest.mark.parametrize(
    "action",
    [
        "autoscaling:SetDesiredCapacity",
        "ec2:AttachVolume",
        "ecr:BatchGetImage",
        "kms:Decrypt",
        "logs:PutLogEvents",
        "s3:GetObject",
        "s3:PutObject",
        "secretsmanager:GetSecretValue",
    ],
)
def test_what_workloads_do_is_within_it(policy: str, action: str) -> None:
    """In the stack's regions a role may still do what its own policy says; elsewhere it may not."""
    assert allows(policy, action=action, context=HERE)
    assert allows(policy, action=action, context={"aws:RequestedRegion": "eu-west-1"})
    assert not allows(policy, action=action, context={"aws:RequestedRegion": "us-east-1"})


@pytest.mark.parametrize(
    "action",
    [
        "cloudtrail:StopLogging",
        "ecr:DeleteRepository",
        "iam:AttachRolePolicy",
        "iam:CreateAccessKey",
        "iam:CreateRole",
        "iam:DeleteRolePermissionsBoundary",
        "iam:PassRole",
        "kms:PutKeyPolicy",
        "kms:ScheduleKeyDeletion",
        "organizations:LeaveOrganization",
        "rds:DeleteDBInstance",
        "rds:ModifyDBInstance",
        "s3:DeleteBucket",
        "s3:DeleteBucketPolicy",
        "s3:DeleteObjectVersion",
        "s3:PutBucketPolicy",
        "s3:PutBucketPublicAccessBlock",
        "s3:PutBucketVersioning",
        "secretsmanager:DeleteSecret",
        "sts:AssumeRole",
    ],
)
def test_no_role_gives_itself_rights_or_loses_data(policy: str, action: str) -> None:
    """Rights, traces and data are out of reach, whatever a role's own policy says."""
    assert not allows(policy, action=action, context=HERE)
