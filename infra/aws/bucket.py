"""A bucket as every bucket of a stack is: private, encrypted, versioned, by TLS only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws
from pulumi_aws.s3 import (
    BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs,
    BucketLifecycleConfigurationRuleArgs,
    BucketLifecycleConfigurationRuleExpirationArgs,
    BucketLifecycleConfigurationRuleFilterArgs,
    BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs,
    BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs,
    BucketServerSideEncryptionConfigurationRuleArgs,
)

from infra.aws.policy_document import Statement, document, tls_only

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, kw_only=True)
class PrivateBucketArgs:
    """What a bucket is made from.

    Attributes:
        bucket: its name, unique in the world.
        key_arn: the KMS key that objects are encrypted with; None for S3's own, where a service that writes to the
            bucket knows no other.
        keep_old_days: how long a version lives that was overwritten or deleted.
        expire_days: how long an object lives; None for ever.
        statements: who else may do what, by the bucket's policy.
        protect: whether deleting it is refused.
    """

    bucket: str
    key_arn: pulumi.Input[str] | None
    keep_old_days: int
    expire_days: int | None = None
    statements: Sequence[Statement] = ()
    protect: bool


class PrivateBucket(pulumi.ComponentResource):
    """A bucket that is safe to put something into.

    Attributes:
        name: its name, known once all of its protection is there.
        arn: its ARN.
    """

    name: pulumi.Output[str]
    arn: pulumi.Output[str]

    def __init__(self, name: str, args: PrivateBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:aws:PrivateBucket", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        made = aws.s3.Bucket(
            name,
            bucket=args.bucket,
            force_destroy=not args.protect,
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect),
        )
        closed = aws.s3.BucketPublicAccessBlock(
            name,
            bucket=made.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=child,
        )
        owned = aws.s3.BucketOwnershipControls(
            name,
            bucket=made.bucket,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=child,
        )
        versioned = aws.s3.BucketVersioning(
            name,
            bucket=made.bucket,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=child,
        )
        encrypted = aws.s3.BucketServerSideEncryptionConfiguration(
            name, bucket=made.bucket, rules=[_encryption(args.key_arn)], opts=child
        )
        # S3 refuses a policy while it changes who may be public.
        policy = aws.s3.BucketPolicy(
            name,
            bucket=made.bucket,
            policy=document(tls_only([made.arn, pulumi.Output.concat(made.arn, "/*")], service="s3"), *args.statements),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[closed]),
        )
        aws.s3.BucketLifecycleConfiguration(
            name,
            bucket=made.bucket,
            rules=list(_lifecycle(args)),
            # Rules for old versions need versions.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[versioned]),
        )
        # Names, unlike ids, are known in a preview.
        protection = [each.bucket for each in (closed, owned, versioned, encrypted, policy)]
        self.name = pulumi.Output.all(made.bucket, *protection).apply(lambda known: known[0])
        self.arn = made.arn
        self.register_outputs({"name": self.name, "arn": self.arn})


def _encryption(key_arn: pulumi.Input[str] | None) -> BucketServerSideEncryptionConfigurationRuleArgs:
    by_default = BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
        sse_algorithm="AES256" if key_arn is None else "aws:kms", kms_master_key_id=key_arn
    )
    # One request to KMS for many objects: a hundredth of the cost.
    return BucketServerSideEncryptionConfigurationRuleArgs(
        apply_server_side_encryption_by_default=by_default, bucket_key_enabled=key_arn is not None
    )


def _lifecycle(args: PrivateBucketArgs) -> list[BucketLifecycleConfigurationRuleArgs]:
    everything = BucketLifecycleConfigurationRuleFilterArgs(prefix="")
    rules = [
        BucketLifecycleConfigurationRuleArgs(
            id="old-versions",
            status="Enabled",
            filter=everything,
            noncurrent_version_expiration=BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                noncurrent_days=args.keep_old_days
            ),
            abort_incomplete_multipart_upload=BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                days_after_initiation=1
            ),
        )
    ]
    if args.expire_days is not None:
        rules.append(
            BucketLifecycleConfigurationRuleArgs(
                id="expire",
                status="Enabled",
                filter=everything,
                expiration=BucketLifecycleConfigurationRuleExpirationArgs(days=args.expire_days),
            )
        )
    return rules
