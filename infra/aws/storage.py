"""The bucket of models and engine caches, and the record of who touched it."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.aws.bucket import PrivateBucket, PrivateBucketArgs
from infra.aws.policy_document import Statement

MODELS = "models"
ENGINES = "engines"
# A model that was overwritten by mistake is missed within a month; who read it, within a quarter.
_KEEP_OLD_DAYS = 30
_KEEP_ACCESS_DAYS = 90


@dataclass(frozen=True, kw_only=True)
class StorageArgs:
    """What the storage is made from.

    Attributes:
        environment: the stack.
        account: its account; a bucket's name must be unique in the world.
        key_arn: the KMS key that objects are encrypted with.
        protect: whether deleting a bucket is refused.
    """

    environment: str
    account: str
    key_arn: pulumi.Input[str]
    protect: bool


class Storage(pulumi.ComponentResource):
    """A bucket with ``models/<service>/<version>/`` and ``engines/<service>/``, and one with its access log.

    Attributes:
        bucket: the bucket's name.
        bucket_arn: its ARN.
        key_arn: what reads or writes an object must be allowed to use.
    """

    bucket: pulumi.Output[str]
    bucket_arn: pulumi.Output[str]
    key_arn: pulumi.Output[str]

    def __init__(self, name: str, args: StorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:aws:Storage", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        data_name = naming.aws_name(args.environment, f"{MODELS}-{args.account}")
        log_name = naming.aws_name(args.environment, f"access-{args.account}")
        data = PrivateBucket(
            MODELS,
            PrivateBucketArgs(
                bucket=data_name, key_arn=args.key_arn, keep_old_days=_KEEP_OLD_DAYS, protect=args.protect
            ),
            opts=child,
        )
        access = PrivateBucket(
            "access",
            PrivateBucketArgs(
                bucket=log_name,
                # S3 delivers its logs to no bucket with another key.
                key_arn=None,
                keep_old_days=1,
                expire_days=_KEEP_ACCESS_DAYS,
                statements=[_log_delivery(log_name, of=data_name, account=args.account)],
                protect=args.protect,
            ),
            opts=child,
        )
        aws.s3.BucketLogging(
            MODELS, bucket=data.name, target_bucket=access.name, target_prefix=f"{MODELS}/", opts=child
        )
        self.bucket, self.bucket_arn = data.name, data.arn
        self.key_arn = pulumi.Output.from_input(args.key_arn)
        self.register_outputs({"bucket": self.bucket, "bucketArn": self.bucket_arn})


def _log_delivery(bucket: str, *, of: str, account: str) -> Statement:
    return Statement(
        sid="AccessLogs",
        principals={"Service": "logging.s3.amazonaws.com"},
        actions=["s3:PutObject"],
        resources=[f"arn:aws:s3:::{bucket}/*"],
        conditions={
            "ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{of}"},
            "StringEquals": {"aws:SourceAccount": account},
        },
    )
