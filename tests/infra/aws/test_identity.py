"""Roles of pods."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from infra.aws import workloads
from infra.aws.database import Database, DatabaseArgs
from infra.aws.identity import PodRole, PodRoleArgs, ServiceAccount
from infra.aws.policy_document import Statement
from infra.aws.provider import FoundSecret
from infra.aws.storage import Storage, StorageArgs
from infra.settings import Database as DatabaseSettings
from tests.infra.aws.iam import allows
from tests.infra.aws.recorder import ACCOUNT, REGION, Recording, record, statements

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/inferstack-prod-boundary"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/data"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:database"
BUCKET = "arn:aws:s3:eu-central-1:111111111111:bucket/models"


def _declare(
    allowed: Callable[[], Sequence[Statement]],
    *,
    accounts: Sequence[str] = ("sentiment-blue", "sentiment-green"),
    managed_policies: Sequence[str] = (),
) -> Recording:
    def program() -> None:
        PodRole(
            "sentiment",
            PodRoleArgs(
                environment="prod",
                cluster="inferstack-prod",
                accounts=[ServiceAccount(namespace="inferstack", name=account) for account in accounts],
                boundary_arn=BOUNDARY,
                statements=allowed(),
                managed_policies=managed_policies,
            ),
        )

    return record(program)


def _policy(allowed: Callable[[], Sequence[Statement]]) -> str:
    return _declare(allowed).one("RolePolicy", "sentiment")["policy"]


def _database() -> Database:
    return Database(
        "feedback",
        DatabaseArgs(
            environment="prod",
            database=DatabaseSettings(
                version="17.6", instance_class="db.t4g.micro", storage_gib=20, multi_az=False, backup_days=1
            ),
            vpc_id="vpc-1",
            subnet_ids=["subnet-a"],
            clients={},
            key_arn=KEY,
            protect=False,
        ),
    )


def _storage() -> Storage:
    return Storage("storage", StorageArgs(environment="prod", account=ACCOUNT, key_arn=KEY, protect=False))


def _serving() -> Sequence[Statement]:
    return workloads.serving("sentiment", region=REGION, storage=_storage(), database=_database())


def test_pods_of_its_accounts_get_the_role_and_nobody_else() -> None:
    """EKS hands the role to the pods of the accounts named; the role carries the boundary and the stack's name."""
    declared = _declare(lambda: [Statement(sid="Read", actions=["s3:GetObject"], resources=["*"])])
    role = declared.one("iam/role:Role")
    assert role["name"] == "inferstack-prod-sentiment"
    assert role["permissionsBoundary"] == BOUNDARY
    for action in ("sts:AssumeRole", "sts:TagSession"):
        assert allows(role["assumeRolePolicy"], action=action, principal="pods.eks.amazonaws.com")
        assert not allows(role["assumeRolePolicy"], action=action, principal=f"arn:aws:iam::{ACCOUNT}:root")
    associations = [each.inputs for each in declared.of("PodIdentityAssociation")]
    assert [each["serviceAccount"] for each in associations] == ["sentiment-blue", "sentiment-green"]
    assert {(each["namespace"], each["clusterName"]) for each in associations} == {("inferstack", "inferstack-prod")}


def test_add_ons_of_aws_have_the_policy_that_aws_maintains() -> None:
    """A managed policy is attached by its ARN; without statements there is no policy of its own."""
    declared = _declare(list, managed_policies=["service-role/AmazonEBSCSIDriverPolicy"])
    attached = declared.one("RolePolicyAttachment")
    assert attached["policyArn"] == "arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy"
    assert declared.of("RolePolicy") == []


def test_serving_reads_its_engines_and_its_password() -> None:
    """A service's pods read the secret of the database and the service's own engines, and change neither."""
    policy = _policy(_serving)
    assert allows(policy, action="secretsmanager:GetSecretValue", resource=SECRET)
    assert not allows(policy, action="secretsmanager:GetSecretValue", resource=f"{SECRET}-of-another")
    assert not allows(policy, action="secretsmanager:PutSecretValue", resource=SECRET)
    assert allows(policy, action="s3:GetObject", resource=f"{BUCKET}/engines/sentiment/x.engine")
    assert not allows(policy, action="s3:PutObject", resource=f"{BUCKET}/engines/sentiment/x.engine")
    assert not allows(policy, action="s3:GetObject", resource=f"{BUCKET}/engines/spam/x.engine")
    assert not allows(policy, action="s3:GetObject", resource=f"{BUCKET}/models/sentiment/model.onnx")


@pytest.mark.parametrize("service", ["s3", "secretsmanager"])
def test_keys_are_used_through_their_service_alone(service: str) -> None:
    """A key decrypts for a service's pods what S3 or Secrets Manager asks it to, and nothing that they send it."""
    policy = _policy(_serving)
    through = {"kms:ViaService": f"{service}.{REGION}.amazonaws.com"}
    assert allows(policy, action="kms:Decrypt", resource=KEY, context=through)
    assert not allows(policy, action="kms:Decrypt", resource=KEY)


def test_an_engine_build_keeps_the_engines_of_its_service() -> None:
    """The Job writes under the service's own prefix, lists nothing else, and has no part in the database."""
    policy = _policy(lambda: workloads.engine_build("sentiment", region=REGION, storage=_storage()))
    for action in ("s3:GetObject", "s3:PutObject"):
        assert allows(policy, action=action, resource=f"{BUCKET}/engines/sentiment/x.engine")
        assert not allows(policy, action=action, resource=f"{BUCKET}/engines/spam/x.engine")
        assert not allows(policy, action=action, resource=f"{BUCKET}/models/sentiment/model.onnx")
    assert allows(policy, action="s3:ListBucket", resource=BUCKET, context={"s3:prefix": "engines/sentiment/"})
    assert not allows(policy, action="s3:ListBucket", resource=BUCKET, context={"s3:prefix": "engines/spam/"})
    assert not allows(policy, action="s3:ListBucket", resource=BUCKET)
    assert not allows(policy, action="secretsmanager:GetSecretValue", resource=SECRET)


@pytest.mark.parametrize("key", [None, KEY])
def test_alertmanager_reads_the_urls_of_its_receivers(key: str | None) -> None:
    """It reads the secrets that are named, decrypts with their keys if they have some, and changes nothing."""
    found = [FoundSecret(arn=SECRET, key_arn=key)]
    policy = _policy(lambda: workloads.alertmanager(found, region=REGION))
    assert allows(policy, action="secretsmanager:GetSecretValue", resource=SECRET)
    assert not allows(policy, action="secretsmanager:GetSecretValue", resource=f"{SECRET}-of-another")
    assert not allows(policy, action="secretsmanager:PutSecretValue", resource=SECRET)
    through = {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}
    assert allows(policy, action="kms:Decrypt", resource=KEY, context=through) is (key is not None)
    assert not allows(policy, action="kms:Decrypt", resource=KEY)


def test_the_autoscaler_scales_this_cluster_alone() -> None:
    """It looks at all groups, and changes those only that carry this cluster's tag."""
    policy = _policy(lambda: workloads.autoscaler("inferstack-prod"))
    assert allows(policy, action="autoscaling:DescribeAutoScalingGroups")
    for action in ("autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"):
        tag = "aws:ResourceTag/k8s.io/cluster-autoscaler"
        assert allows(policy, action=action, context={f"{tag}/inferstack-prod": "owned"})
        assert not allows(policy, action=action, context={f"{tag}/inferstack-dev": "owned"})
        assert not allows(policy, action=action)
    assert not allows(policy, action="autoscaling:UpdateAutoScalingGroup")
    assert not allows(policy, action="ec2:RunInstances")


@pytest.mark.parametrize("for_aws", [True, False])
def test_volumes_lend_their_key_to_ec2_alone(*, for_aws: bool) -> None:
    """The driver of volumes may grant the key to a service of AWS, not to anybody."""
    policy = _policy(lambda: workloads.volumes(KEY))
    context = {"kms:GrantIsForAWSResource": str(for_aws).lower()}
    assert allows(policy, action="kms:CreateGrant", resource=KEY, context=context) is for_aws
    assert not allows(policy, action="kms:CreateGrant", resource=f"{KEY}-of-another", context=context)


def test_no_statement_is_about_everything() -> None:
    """No workload has all actions of a service; where it names all resources it only reads or has a condition."""
    everything = _policy(
        lambda: (
            *_serving(),
            *workloads.engine_build("sentiment", region=REGION, storage=_storage()),
            *workloads.alertmanager([FoundSecret(arn=SECRET, key_arn=KEY)], region=REGION),
            *workloads.autoscaler("inferstack-prod"),
            *workloads.volumes(KEY),
        )
    )
    for statement in statements(everything).values():
        assert not [action for action in statement["Action"] if "*" in action]
        if statement["Resource"] == "*" and "Condition" not in statement:
            assert not [each for each in statement["Action"] if not each.split(":")[1].startswith(("Describe", "Get"))]
