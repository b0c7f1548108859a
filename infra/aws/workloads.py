"""What each workload of the cluster needs from AWS, and nothing more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from infra.aws.policy_document import Statement
from infra.aws.storage import ENGINES, MODELS

if TYPE_CHECKING:
    from infra.aws.database import Database
    from infra.aws.storage import Storage

# AWS maintains what its own add-ons need from version to version.
EBS_CSI_POLICY = "service-role/AmazonEBSCSIDriverPolicy"
VPC_CNI_POLICY = "AmazonEKS_CNI_Policy"


def serving(service: str, *, region: str, storage: Storage, database: Database) -> tuple[Statement, ...]:
    """Read the service's models, keep its engines, read the password of the database."""
    models, engines = (
        pulumi.Output.concat(storage.bucket_arn, f"/{prefix}/{service}/*") for prefix in (MODELS, ENGINES)
    )
    return (
        Statement(sid="ReadModels", actions=["s3:GetObject"], resources=[models]),
        Statement(sid="KeepEngines", actions=["s3:GetObject", "s3:PutObject"], resources=[engines]),
        Statement(
            sid="FindThem",
            actions=["s3:ListBucket"],
            resources=[storage.bucket_arn],
            conditions={"StringLike": {"s3:prefix": [f"{MODELS}/{service}/*", f"{ENGINES}/{service}/*"]}},
        ),
        Statement(
            sid="UseStorageKey",
            actions=["kms:Decrypt", "kms:GenerateDataKey"],
            resources=[storage.key_arn],
            conditions=_through("s3", region),
        ),
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
    """Use the key of encrypted volumes; beside :data:`EBS_CSI_POLICY`.

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
