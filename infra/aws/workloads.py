"""What each workload of the cluster needs from AWS, and nothing more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from infra.aws.policy_document import Statement
from infra.aws.storage import ENGINES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infra.aws.database import Database
    from infra.aws.provider import FoundSecret
    from infra.aws.storage import Storage


def serving(service: str, *, region: str, storage: Storage, database: Database) -> tuple[Statement, ...]:
    """Read the service's engines and the password of the database; models are in the image (docs/decisions/0011)."""
    return (
        *_engines(service, region=region, storage=storage, actions=["s3:GetObject"]),
        Statement(
            sid="ReadPassword",
            actions=["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
            resources=[database.secret_arn],
        ),
        Statement(
            sid="UseSecretsKey",
            actions=["kms:Decrypt"],
            resources=[database.key_arn],
            conditions=_through("secretsmanager", region),
        ),
    )


def engine_build(service: str, *, region: str, storage: Storage) -> tuple[Statement, ...]:
    """Keep the service's engines."""
    actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    return _engines(service, region=region, storage=storage, actions=actions)


def _engines(service: str, *, region: str, storage: Storage, actions: Sequence[str]) -> tuple[Statement, ...]:
    """Mount a service's prefix of the bucket as a volume.

    Source: https://github.com/awslabs/mountpoint-s3/blob/main/doc/CONFIGURATION.md#iam-permissions
    """
    prefix = f"{ENGINES}/{service}"
    return (
        Statement(
            sid="UseEngines",
            actions=actions,
            resources=[pulumi.Output.concat(storage.bucket_arn, f"/{prefix}/*")],
        ),
        Statement(
            sid="FindThem",
            actions=["s3:ListBucket"],
            resources=[storage.bucket_arn],
            conditions={"StringLike": {"s3:prefix": [f"{prefix}/*"]}},
        ),
        Statement(
            sid="UseStorageKey",
            actions=["kms:Decrypt", "kms:GenerateDataKey"],
            resources=[storage.key_arn],
            conditions=_through("s3", region),
        ),
    )


def alertmanager(secrets: Sequence[FoundSecret], *, region: str) -> tuple[Statement, ...]:
    """Read the URLs of receivers, and no other secret.

    Args:
        secrets: at least one.
        region: the stack's.
    """
    keys = sorted({secret.key_arn for secret in secrets if secret.key_arn})
    read = Statement(
        sid="ReadUrls",
        actions=["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
        resources=sorted({secret.arn for secret in secrets}),
    )
    if not keys:
        return (read,)
    use = Statement(
        sid="UseSecretsKeys", actions=["kms:Decrypt"], resources=keys, conditions=_through("secretsmanager", region)
    )
    return (read, use)


def autoscaler(cluster: str) -> tuple[Statement, ...]:
    """Look at everything that decides about nodes; change the size of this cluster's groups alone.

    Args:
        cluster: name of the cluster; EKS tags the scaling groups of its node groups with it.
    """
    return (
        # AWS knows no resources for these.
        Statement(
            sid="Look",
            actions=[
                "autoscaling:DescribeAutoScalingGroups",
                "autoscaling:DescribeAutoScalingInstances",
                "autoscaling:DescribeLaunchConfigurations",
                "autoscaling:DescribeScalingActivities",
                "autoscaling:DescribeTags",
                "ec2:DescribeImages",
                "ec2:DescribeInstanceTypes",
                "ec2:DescribeLaunchTemplateVersions",
                "ec2:GetInstanceTypesFromInstanceRequirements",
            ],
            resources=["*"],
        ),
        Statement(
            sid="LookAtNodeGroups",
            actions=["eks:DescribeNodegroup"],
            resources=[f"arn:aws:eks:*:*:nodegroup/{cluster}/*"],
        ),
        Statement(
            sid="Scale",
            actions=["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"],
            resources=["*"],
            conditions={"StringEquals": {f"aws:ResourceTag/k8s.io/cluster-autoscaler/{cluster}": "owned"}},
        ),
    )


def volumes(key_arn: pulumi.Input[str]) -> tuple[Statement, ...]:
    """Use the key of encrypted volumes; beside what AWS's own policy for the add-on allows.

    Source: https://github.com/kubernetes-sigs/aws-ebs-csi-driver/blob/master/docs/install.md
    """
    return (
        Statement(
            sid="UseVolumeKey",
            actions=["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext"],
            resources=[key_arn],
        ),
        Statement(
            sid="LendVolumeKeyToEc2",
            actions=["kms:CreateGrant"],
            resources=[key_arn],
            conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}},
        ),
    )


def _through(service: str, region: str) -> dict[str, dict[str, str]]:
    """The key may be used by that service alone on the role's behalf, never directly."""
    return {"StringEquals": {"kms:ViaService": f"{service}.{region}.amazonaws.com"}}
