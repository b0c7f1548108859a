"""What CI may do."""

from __future__ import annotations

import json

import pytest

from infra.aws.ci import CiAccess, CiAccessArgs
from infra.aws.deployment import Scope
from infra.settings import ContinuousIntegration
from tests.infra.aws.iam import allows
from tests.infra.aws.recorder import ACCOUNT, REGION, Recording, record

SCOPE = Scope(environment="prod", account=ACCOUNT, region=REGION, domain="inference.example.com")
ROLE = f"arn:aws:iam::{ACCOUNT}:role/inferstack-prod"
STATE = f"arn:aws:s3:::inferstack-prod-state-{ACCOUNT}"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
STATE_KEY = {"kms:ResourceAliases": ["alias/inferstack-prod-secrets"]}
HERE = {"aws:RequestedRegion": REGION}
BOUNDED = {"iam:PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/inferstack-prod-boundary"}
# IAM's limit of all policies inside one role, without white space.
LIMIT = 10_240


@pytest.fixture(scope="module")
def declared() -> Recording:
    """CI's access to prod."""
    return record(
        lambda: CiAccess(
            "ci",
            CiAccessArgs(scope=SCOPE, ci=ContinuousIntegration(repository="example/inferstack", environment="prod")),
        )
    )


def _policies(declared: Recording, role: str) -> list[str]:
    return [each.inputs["policy"] for each in declared.of("RolePolicy") if each.inputs["role"] == f"{role}-id"]


@pytest.fixture(scope="module")
def deploy(declared: Recording) -> list[str]:
    """What a deployment may do."""
    return _policies(declared, "ci-deploy")


@pytest.fixture(scope="module")
def preview(declared: Recording) -> list[str]:
    """What a preview may do."""
    return _policies(declared, "ci-preview")


@pytest.mark.parametrize(
    ("role", "subject"),
    [
        ("ci-deploy", "repo:example/inferstack:environment:prod"),
        ("ci-preview", "repo:example/inferstack:pull_request"),
    ],
)
def test_a_role_opens_for_one_subject_alone(declared: Recording, role: str, subject: str) -> None:
    """A token of another repository, environment or branch, or one that was made for somebody else, opens nothing."""
    trust = declared.one("iam/role:Role", role)["assumeRolePolicy"]
    provider = f"arn:aws:iam:{REGION}:{ACCOUNT}:openidconnectprovider/ci"
    github = "token.actions.githubusercontent.com"

    def opens(subject: str, *, audience: str = "sts.amazonaws.com", principal: str = provider) -> bool:
        return allows(
            trust,
            action="sts:AssumeRoleWithWebIdentity",
            principal=principal,
            context={f"{github}:sub": subject, f"{github}:aud": audience},
        )

    assert opens(subject)
    assert not opens(subject, audience="somebody else")
    assert not opens(subject, principal=f"arn:aws:iam::{ACCOUNT}:root")
    for other in (
        "repo:somebody/inferstack:environment:prod",
        "repo:example/inferstack:environment:dev",
        "repo:example/inferstack:ref:refs/heads/main",
        "repo:example/inferstack-fork:pull_request",
        f"{subject}x",
    ):
        assert not opens(other)


def test_a_repository_with_numbers_in_its_tokens_is_known_by_them() -> None:
    """A repository made since July 2026 has its owner's number and its own in its tokens; its names open nothing."""
    ci = ContinuousIntegration(repository="example/inferstack", repository_ids="123/456", environment="prod")
    declared = record(lambda: CiAccess("ci", CiAccessArgs(scope=SCOPE, ci=ci)))
    subjects = {
        name: json.loads(declared.one("iam/role:Role", name)["assumeRolePolicy"])["Statement"][0]["Condition"][
            "StringEquals"
        ]["token.actions.githubusercontent.com:sub"]
        for name in ("ci-deploy", "ci-preview")
    }
    assert subjects == {
        "ci-deploy": "repo:example@123/inferstack@456:environment:prod",
        "ci-preview": "repo:example@123/inferstack@456:pull_request",
    }


def test_images_of_a_registry_in_another_region_are_found(deploy: list[str]) -> None:
    """A deployment finds the digest of what another stack built, wherever its registry is, and pushes nothing there."""
    repository = "arn:aws:ecr:us-east-1:999999999999:repository/inferstack/sentiment"
    there = {"aws:RequestedRegion": "us-east-1"}
    assert allows(*deploy, action="ecr:DescribeImages", resource=repository, context=there)
    assert not allows(*deploy, action="ecr:PutImage", resource=repository, context=there)


def test_policies_fit(deploy: list[str], preview: list[str]) -> None:
    """Each role's policies are together short enough for IAM."""
    assert len(deploy) == 3
    assert len(preview) == 1
    for policies in (deploy, preview):
        assert sum(len("".join(policy.split())) for policy in policies) <= LIMIT


@pytest.mark.parametrize(
    "action", ["ec2:CreateVpc", "eks:CreateCluster", "rds:ModifyDBInstance", "ecr:PutImage", "kms:CreateKey"]
)
def test_a_deployment_makes_things_in_its_region_alone(deploy: list[str], preview: list[str], action: str) -> None:
    """A deployment does what the program needs, where the stack lives and nowhere else; a preview does not."""
    assert allows(*deploy, action=action, context=HERE)
    assert not allows(*deploy, action=action, context={"aws:RequestedRegion": "us-east-1"})
    assert not allows(*preview, action=action, context=HERE)


@pytest.mark.parametrize("action", ["iam:CreateRole", "iam:AttachRolePolicy", "iam:PutRolePolicy"])
def test_a_deployment_grants_within_the_boundary_alone(deploy: list[str], action: str) -> None:
    """Rights go to roles of this stack that carry its boundary: without it, or with another, nothing is granted."""
    assert allows(*deploy, action=action, resource=f"{ROLE}-sentiment", context=BOUNDED)
    assert not allows(*deploy, action=action, resource=f"{ROLE}-sentiment")
    other = {"iam:PermissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"}
    assert not allows(*deploy, action=action, resource=f"{ROLE}-sentiment", context=other)
    assert not allows(*deploy, action=action, resource=f"arn:aws:iam::{ACCOUNT}:role/admin", context=BOUNDED)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("iam:PutRolePolicy", f"{ROLE}-ci-deploy"),
        ("iam:UpdateAssumeRolePolicy", f"{ROLE}-ci-preview"),
        ("iam:UpdateAssumeRolePolicy", f"{ROLE}-break-glass"),
        ("iam:DeleteRole", f"{ROLE}-break-glass"),
        ("iam:DeleteRolePermissionsBoundary", f"{ROLE}-sentiment"),
        ("iam:CreatePolicyVersion", BOUNDED["iam:PermissionsBoundary"]),
        ("iam:SetDefaultPolicyVersion", BOUNDED["iam:PermissionsBoundary"]),
        ("iam:UpdateOpenIDConnectProviderThumbprint", f"arn:aws:iam::{ACCOUNT}:oidc-provider/github"),
        ("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/somebody"),
        ("iam:CreateAccessKey", f"arn:aws:iam::{ACCOUNT}:user/somebody"),
        ("sts:AssumeRole", f"{ROLE}-break-glass"),
    ],
)
def test_nobody_widens_his_own_rights(deploy: list[str], action: str, resource: str) -> None:
    """What CI and people may do, and the boundary, are out of a deployment's reach."""
    assert not allows(*deploy, action=action, resource=resource, context={**HERE, **BOUNDED})


def test_a_deployment_hands_its_roles_to_services_it_uses(deploy: list[str]) -> None:
    """Roles of the stack go to EKS, EC2, CodeBuild and flow logs, not to a service that the program does not use."""
    for service, allowed in (("eks.amazonaws.com", True), ("lambda.amazonaws.com", False)):
        context = {"iam:PassedToService": service}
        assert allows(*deploy, action="iam:PassRole", resource=f"{ROLE}-nodes", context=context) is allowed
    other = f"arn:aws:iam::{ACCOUNT}:role/admin"
    assert not allows(
        *deploy, action="iam:PassRole", resource=other, context={"iam:PassedToService": "eks.amazonaws.com"}
    )


@pytest.mark.parametrize("action", ["secretsmanager:GetSecretValue", "ssm:GetParameter", "rds-db:connect"])
def test_no_secret_is_read(deploy: list[str], preview: list[str], action: str) -> None:
    """Neither role reads a secret: the password of the database is the pods' alone."""
    secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:rds!db-1"
    assert not allows(*deploy, action=action, resource=secret, context=HERE)
    assert not allows(*preview, action=action, resource=secret, context=HERE)


def test_state_is_written_by_a_deployment_and_read_by_a_preview(deploy: list[str], preview: list[str]) -> None:
    """Both read the state with its key, one of them writes it; neither reads another stack's, or another key's."""
    both = [(deploy, True), (preview, False)]
    for policies, writes in both:
        assert allows(*policies, action="s3:GetObject", resource=f"{STATE}/.pulumi/stacks/x.json", context=HERE)
        assert allows(*policies, action="kms:Decrypt", resource=KEY, context=STATE_KEY)
        for action in ("s3:PutObject", "s3:DeleteObject"):
            assert allows(*policies, action=action, resource=f"{STATE}/.pulumi/locks/x.json", context=HERE) is writes
        other = f"arn:aws:s3:::inferstack-dev-state-{ACCOUNT}/.pulumi/stacks/x.json"
        assert not allows(*policies, action="s3:GetObject", resource=other, context=HERE)
    assert not allows(*preview, action="kms:Decrypt", resource=KEY, context={"kms:ResourceAliases": ["alias/data"]})


@pytest.mark.parametrize(
    "action", ["s3:DeleteBucket", "s3:DeleteObjectVersion", "s3:PutBucketPolicy", "s3:PutBucketVersioning"]
)
def test_nobody_loses_the_state(deploy: list[str], action: str) -> None:
    """A deployment cannot delete the state's bucket, its old versions, or its protection; its other buckets it can."""
    for resource in (STATE, f"{STATE}/x"):
        assert not allows(*deploy, action=action, resource=resource, context=HERE)
    assert allows(*deploy, action=action, resource=f"arn:aws:s3:::inferstack-prod-models-{ACCOUNT}", context=HERE)
    assert not allows(*deploy, action="kms:ScheduleKeyDeletion", resource=KEY, context={**HERE, **STATE_KEY})


def test_dns_is_written_below_the_endpoint_alone(deploy: list[str]) -> None:
    """A deployment writes the name of its endpoint and what is below it, and no other name of the zone."""

    def may(*names: str) -> bool:
        return allows(
            *deploy,
            action="route53:ChangeResourceRecordSets",
            resource="arn:aws:route53:::hostedzone/Z1",
            context={"route53:ChangeResourceRecordSetsNormalizedRecordNames": list(names)},
        )

    assert may("inference.example.com")
    assert may("_proof.inference.example.com")
    assert not may("example.com")
    assert not may("inference.example.com", "www.example.com")


def test_a_preview_only_looks(preview: list[str]) -> None:
    """A preview describes what there is, and changes nothing."""
    for action in ("ec2:DescribeVpcs", "eks:DescribeCluster", "ecr:DescribeImages", "route53:ListHostedZones"):
        assert allows(*preview, action=action)
    for action in ("ec2:RunInstances", "iam:CreateRole", "ecr:PutImage", "kms:Encrypt", "s3:PutBucketPolicy"):
        assert not allows(*preview, action=action)
    assert not allows(*preview, action="s3:GetObject", resource=f"arn:aws:s3:::inferstack-prod-models-{ACCOUNT}/x")
