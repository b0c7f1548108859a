"""Rights over whole stacks: CI can make what each of them declares, and no role escapes its boundary."""

from __future__ import annotations

import json

import pytest

from infra import settings
from infra.aws import deployment
from tests.infra.aws.iam import allows
from tests.infra.stacks import ON_AWS, ROOT, declare

pytestmark = pytest.mark.parametrize("stack", ON_AWS)

# An action that makes something of a module of pulumi_aws, by the module or by its type where those differ.
ACTIONS = {
    "acm": "acm:RequestCertificate",
    "autoscaling": "autoscaling:CreateOrUpdateTags",
    "cloudwatch/eventRule": "events:PutRule",
    "cloudwatch/eventTarget": "events:PutTargets",
    "cloudwatch/logGroup": "logs:CreateLogGroup",
    "codebuild": "codebuild:CreateProject",
    "codeconnections": "codeconnections:CreateConnection",
    "ec2": "ec2:CreateVpc",
    "ecr": "ecr:CreateRepository",
    "eks": "eks:CreateCluster",
    "kms": "kms:CreateKey",
    "lb": "elasticloadbalancing:CreateLoadBalancer",
    "rds": "rds:CreateDBInstance",
    "sns": "sns:CreateTopic",
    "vpc": "ec2:AuthorizeSecurityGroupIngress",
}
# Their actions are about names, and have tests of their own (test_ci.py).
NAMED = {"iam", "route53", "s3"}
# What people change, not CI: who may deploy, and how far a deployment may go.
OF_PEOPLE = {"ci-deploy", "ci-preview", "break-glass"}


def _scope(stack: str) -> deployment.Scope:
    aws = settings.read(stack, ROOT).aws
    assert aws is not None
    return deployment.Scope(environment=stack, account=aws.account, region=aws.region, domain=aws.ingress.domain)


def _deploy(stack: str) -> list[str]:
    policies = [each.inputs for each in declare(stack) if each.type == "aws:iam/rolePolicy:RolePolicy"]
    return [inputs["policy"] for inputs in policies if inputs["role"] == f"{deployment.DEPLOY}-id"]


def test_ci_can_make_everything_that_the_stack_declares(stack: str) -> None:
    """For each type of resource a deployment has the right to make it, in the stack's region."""
    policies, here = _deploy(stack), {"aws:RequestedRegion": _scope(stack).region}
    types = {each.type.split(":")[1] for each in declare(stack) if each.type.startswith("aws:")}
    assert len(types) > 30
    for kind in types:
        module = kind.partition("/")[0]
        if module in NAMED:
            continue
        action = ACTIONS.get(kind) or ACTIONS[module]
        assert allows(*policies, action=action, context=here), f"{kind}: {action}"


def test_ci_can_write_every_bucket_and_name(stack: str) -> None:
    """Buckets and DNS names of the stack are those that a deployment may make."""
    scope, policies = _scope(stack), _deploy(stack)
    for each in declare(stack):
        if each.type == "aws:s3/bucket:Bucket":
            bucket = f"arn:aws:s3:::{each.inputs['bucket']}"
            assert allows(*policies, action="s3:CreateBucket", resource=bucket)
        if each.type == "aws:route53/record:Record" and each.inputs["type"] != "CNAME":
            context = {"route53:ChangeResourceRecordSetsNormalizedRecordNames": [each.inputs["name"]]}
            zone = "arn:aws:route53:::hostedzone/Z1"
            assert allows(*policies, action="route53:ChangeResourceRecordSets", resource=zone, context=context)
            assert scope.domain in each.inputs["name"]


def test_every_role_is_within_the_boundary(stack: str) -> None:
    """Each role has the stack's name and the boundary, so that CI may make it; but for those of people and CI."""
    scope = _scope(stack)
    roles = [each.inputs for each in declare(stack) if each.type == "aws:iam/role:Role"]
    assert len(roles) > 8
    for role in roles:
        name: str = role["name"]
        part = name.removeprefix(f"inferstack-{stack}-")
        assert part != name
        assert ("permissionsBoundary" in role) is (part not in OF_PEOPLE), name
        bounded = {"iam:PermissionsBoundary": scope.boundary_arn}
        resource = scope.iam("role", name)
        may = allows(*_deploy(stack), action="iam:CreateRole", resource=resource, context=bounded)
        assert may is (part not in OF_PEOPLE), name


def test_every_service_that_takes_a_role_may_be_handed_one(stack: str) -> None:
    """What a role trusts is what a deployment may pass it to."""
    for each in declare(stack):
        if each.type != "aws:iam/role:Role" or "permissionsBoundary" not in each.inputs:
            continue
        (statement,) = json.loads(each.inputs["assumeRolePolicy"])["Statement"]
        context = {"iam:PassedToService": statement["Principal"]["Service"]}
        role = _scope(stack).iam("role", each.inputs["name"])
        assert allows(*_deploy(stack), action="iam:PassRole", resource=role, context=context), each.name
