"""What ``pulumi up`` and ``pulumi preview`` of a stack need to be allowed."""

from __future__ import annotations

from dataclasses import dataclass

from infra import naming
from infra.aws.boundary import boundary_name
from infra.aws.policy_document import Statement

DEPLOY = "ci-deploy"
PREVIEW = "ci-preview"
BREAK_GLASS = "break-glass"

# The services that the program uses, each with all of its actions in the one region.
_SERVICES = (
    "acm",
    "autoscaling",
    "codebuild",
    "codeconnections",
    "ec2",
    "ecr",
    "eks",
    "elasticloadbalancing",
    "events",
    "kms",
    "logs",
    "rds",
    "sns",
)
# What a preview looks up, and what a refresh reads.
_DESCRIBE, _GET, _LIST = "Describe*", "Get*", "List*"
_READS = {
    "acm": (_DESCRIBE, _LIST),
    "autoscaling": (_DESCRIBE,),
    "codebuild": ("BatchGet*", _LIST),
    "codeconnections": (_GET, _LIST),
    "ec2": (_DESCRIBE,),
    "ecr": (_DESCRIBE, "GetLifecyclePolicy", "GetRepositoryPolicy", "ListTagsForResource"),
    "eks": (_DESCRIBE, _LIST),
    "elasticloadbalancing": (_DESCRIBE,),
    "events": (_DESCRIBE, _LIST),
    "iam": (_GET, _LIST),
    "kms": (_DESCRIBE, "GetKeyPolicy", "GetKeyRotationStatus", _LIST),
    "logs": (_DESCRIBE, _LIST),
    "rds": (_DESCRIBE, _LIST),
    "route53": (_GET, _LIST),
    # ListBucket: how the provider asks whether a bucket is there.
    "s3": (
        "GetAccelerateConfiguration",
        "GetBucket*",
        "GetEncryptionConfiguration",
        "GetLifecycleConfiguration",
        "GetReplicationConfiguration",
        "ListBucket",
    ),
    # GetResourcePolicy: of the secrets of receivers, which the provider asks for with their descriptions.
    "secretsmanager": ("DescribeSecret", "GetResourcePolicy"),
    "sns": (_GET, _LIST),
}
_SERVICE_LINKED = (
    "autoscaling.amazonaws.com",
    "eks.amazonaws.com",
    "eks-nodegroup.amazonaws.com",
    "elasticloadbalancing.amazonaws.com",
    "rds.amazonaws.com",
    "spot.amazonaws.com",
)
_PASSED_TO = (
    "codebuild.amazonaws.com",
    "ec2.amazonaws.com",
    "eks.amazonaws.com",
    "pods.eks.amazonaws.com",
    "vpc-flow-logs.amazonaws.com",
)


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The stack that is deployed.

    Attributes:
        environment: the stack.
        account: its account.
        region: its region.
        domain: the name of its endpoint, which with what is below it may be written in DNS.
    """

    environment: str
    account: str
    region: str
    domain: str

    @property
    def boundary_arn(self) -> str:
        """The boundary that every role must carry that a deployment makes."""
        return self.iam("policy", boundary_name(self.environment))

    @property
    def state_bucket_arn(self) -> str:
        """Where the state is."""
        return f"arn:aws:s3:::{naming.state_bucket(self.environment, self.account)}"

    def iam(self, kind: str, name: str) -> str:
        """The ARN of a role or a policy."""
        return f"arn:aws:iam::{self.account}:{kind}/{name}"

    def roles(self) -> str:
        """The ARNs of all roles of the stack."""
        return self.iam("role", naming.aws_name(self.environment, "*"))


def policies(scope: Scope) -> dict[str, tuple[Statement, ...]]:
    """The policies of whoever deploys, by name: one for state, one for resources, one for roles."""
    return {"state": _state(scope), "resources": _resources(scope), "roles": _roles(scope)}


def preview(scope: Scope) -> tuple[Statement, ...]:
    """What a preview needs: the state, and descriptions of what there is.

    It may decrypt the state, or Pulumi could not read it. The state holds references to secrets, and no secret.
    """
    return (
        _read_state(scope),
        _use_state_key(scope, "kms:Decrypt"),
        Statement(
            sid="Describe",
            actions=[action for service, verbs in _READS.items() for action in (f"{service}:{verb}" for verb in verbs)],
            resources=["*"],
        ),
        Statement(
            sid="NoSecrets",
            effect="Deny",
            actions=[
                "rds-db:connect",
                "secretsmanager:BatchGetSecretValue",
                "secretsmanager:GetSecretValue",
                "ssm:Get*",
            ],
            resources=["*"],
        ),
    )


def _state(scope: Scope) -> tuple[Statement, ...]:
    return (
        _read_state(scope),
        Statement(
            sid="WriteState",
            actions=["s3:DeleteObject", "s3:PutObject"],
            resources=[f"{scope.state_bucket_arn}/*"],
        ),
        _use_state_key(scope, "kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"),
    )


def _read_state(scope: Scope) -> Statement:
    return Statement(
        sid="ReadState",
        actions=["s3:GetObject", "s3:ListBucket"],
        resources=[scope.state_bucket_arn, f"{scope.state_bucket_arn}/*"],
    )


def _use_state_key(scope: Scope, *actions: str) -> Statement:
    """By alias: the key is made by infra.bootstrap, before there is a program that could know its id."""
    return Statement(
        sid="UseStateKey",
        actions=[*actions, "kms:DescribeKey"],
        resources=[f"arn:aws:kms:{scope.region}:{scope.account}:key/*"],
        conditions={"ForAnyValue:StringEquals": {"kms:ResourceAliases": naming.secrets_key_alias(scope.environment)}},
    )


def _resources(scope: Scope) -> tuple[Statement, ...]:
    return (
        Statement(
            sid="InRegion",
            actions=[f"{service}:*" for service in _SERVICES],
            resources=["*"],
            conditions={"StringEquals": {"aws:RequestedRegion": scope.region}},
        ),
        Statement(
            sid="Buckets", actions=["s3:*"], resources=[f"arn:aws:s3:::{naming.aws_name(scope.environment, '*')}"]
        ),
        # Of another stack's registry, which may be in another region.
        Statement(
            sid="FindImages",
            actions=["ecr:DescribeImages"],
            resources=[f"arn:aws:ecr:*:*:repository/{naming.PART_OF}/*"],
        ),
        # RDS makes the secret of the password in the name of who makes the database; nobody here may read it.
        Statement(
            sid="PasswordOfTheDatabase",
            actions=["secretsmanager:CreateSecret", "secretsmanager:DescribeSecret", "secretsmanager:TagResource"],
            resources=[f"arn:aws:secretsmanager:{scope.region}:{scope.account}:secret:rds!*"],
        ),
        # Of receivers of alerts, which people make: that they are there, not what they hold.
        Statement(
            sid="FindSecrets",
            actions=["secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy"],
            resources=[f"arn:aws:secretsmanager:{scope.region}:{scope.account}:secret:*"],
        ),
        Statement(
            sid="FindDns",
            actions=["route53:Get*", "route53:List*"],
            resources=["*"],
        ),
        Statement(
            sid="WriteDns",
            actions=["route53:ChangeResourceRecordSets"],
            resources=["arn:aws:route53:::hostedzone/*"],
            conditions={
                "ForAllValues:StringLike": {
                    "route53:ChangeResourceRecordSetsNormalizedRecordNames": [scope.domain, f"*.{scope.domain}"]
                }
            },
        ),
        Statement(
            sid="KeepState",
            effect="Deny",
            actions=["s3:DeleteBucket*", "s3:DeleteObjectVersion", "s3:PutBucket*", "s3:PutLifecycleConfiguration"],
            resources=[scope.state_bucket_arn, f"{scope.state_bucket_arn}/*"],
        ),
        Statement(
            sid="KeepStateKey",
            effect="Deny",
            actions=["kms:DisableKey*", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"],
            resources=["*"],
            conditions={
                "ForAnyValue:StringEquals": {"kms:ResourceAliases": naming.secrets_key_alias(scope.environment)}
            },
        ),
    )


def _roles(scope: Scope) -> tuple[Statement, ...]:
    own = [scope.iam("role", naming.aws_name(scope.environment, part)) for part in (DEPLOY, PREVIEW, BREAK_GLASS)]
    return (
        Statement(
            sid="GrantWithinTheBoundary",
            actions=[
                "iam:AttachRolePolicy",
                "iam:CreateRole",
                "iam:DeleteRolePolicy",
                "iam:DetachRolePolicy",
                "iam:PutRolePermissionsBoundary",
                "iam:PutRolePolicy",
            ],
            resources=[scope.roles()],
            conditions={"StringEquals": {"iam:PermissionsBoundary": scope.boundary_arn}},
        ),
        Statement(
            sid="ManageRoles",
            actions=[
                "iam:DeleteRole",
                "iam:TagRole",
                "iam:UntagRole",
                "iam:UpdateAssumeRolePolicy",
                "iam:UpdateRole",
                "iam:UpdateRoleDescription",
            ],
            resources=[scope.roles()],
        ),
        Statement(
            sid="HandRolesToServices",
            actions=["iam:PassRole"],
            resources=[scope.roles()],
            conditions={"StringEquals": {"iam:PassedToService": _PASSED_TO}},
        ),
        Statement(sid="ReadRoles", actions=["iam:Get*", "iam:List*"], resources=["*"]),
        Statement(
            sid="ServiceRoles",
            actions=["iam:CreateServiceLinkedRole"],
            resources=[scope.iam("role", "aws-service-role/*")],
            conditions={"StringEquals": {"iam:AWSServiceName": _SERVICE_LINKED}},
        ),
        # Nobody widens his own rights: these are changed by people.
        Statement(
            sid="NotItsOwn",
            effect="Deny",
            actions=["iam:Attach*", "iam:Create*", "iam:Delete*", "iam:Detach*", "iam:Put*", "iam:Set*", "iam:Update*"],
            resources=[*own, scope.boundary_arn, scope.iam("oidc-provider", "*")],
        ),
    )
