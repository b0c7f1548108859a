"""The bucket of a stack's state: private, encrypted, and with every older version for a while."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from botocore.exceptions import ClientError

from infra.bootstrap.account import code
from infra.bootstrap.secrets_key import key_arn
from infra.bootstrap.steps import Step, same_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_s3.type_defs import (
        LifecycleRuleTypeDef,
        PublicAccessBlockConfigurationTypeDef,
        ServerSideEncryptionConfigurationTypeDef,
    )

    from infra.bootstrap.account import Account
    from infra.bootstrap.target import Target

Found = TypeVar("Found")

# The only region whose name S3 does not want to hear.
_FIRST_REGION = "us-east-1"
_CLOSED: PublicAccessBlockConfigurationTypeDef = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
# Days since an update replaced it: the state before the last update is there for that long at least.
_OLD_VERSIONS: LifecycleRuleTypeDef = {
    "ID": "old-versions",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "NoncurrentVersionExpiration": {"NoncurrentDays": 90},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
}


def steps() -> Iterator[Step]:
    """The bucket, then everything that protects it."""
    yield Step(name="bucket", done=_exists, make=_create)
    yield Step(name="bucket: one owner", done=_has_one_owner, make=_set_owner)
    yield Step(name="bucket: no public access", done=_is_closed, make=_close)
    yield Step(name="bucket: TLS and this account only", done=_has_policy, make=_put_policy)
    yield Step(name="bucket: versions", done=_is_versioned, make=_version)
    yield Step(name="bucket: life of old versions", done=_forgets, make=_set_lifecycle)
    yield Step(name="bucket: encryption", done=_is_encrypted, make=_encrypt)
    yield Step(name="bucket: tags", done=_is_tagged, make=_tag)


def _exists(account: Account) -> bool:
    target = account.target
    try:
        # The region of whoever owns it comes with every answer, be it a refusal.
        answer = account.s3.head_bucket(Bucket=target.bucket, ExpectedBucketOwner=target.account)
    except ClientError as error:
        match code(error):
            case "404" | "NoSuchBucket":
                return False
            case "403":
                sentence = f"the bucket {target.bucket} is somebody else's, or the credentials may not see it"
                raise target.wrong("account", f"{sentence}. Needed: an administrator's credentials") from None
            case _:
                raise
    region = answer.get("BucketRegion", target.region)
    if region != target.region:
        raise target.wrong("region", f"the bucket {target.bucket} is in {region} already. Allowed: {region}")
    return True


def _create(account: Account) -> None:
    target = account.target
    try:
        if target.region == _FIRST_REGION:
            account.s3.create_bucket(Bucket=target.bucket, ObjectOwnership="BucketOwnerEnforced")
        else:
            account.s3.create_bucket(
                Bucket=target.bucket,
                ObjectOwnership="BucketOwnerEnforced",
                CreateBucketConfiguration={"LocationConstraint": target.region},  # pyright: ignore[reportArgumentType]  # a list of those that the stubs know
            )
    except ClientError as error:
        match code(error):
            case "BucketAlreadyOwnedByYou":
                return
            case "BucketAlreadyExists":
                sentence = f"somebody else owns a bucket named {target.bucket}"
                raise target.wrong("account", f"{sentence}. Needed: ask AWS for it, or another account") from None
            case _:
                raise


def _found(read: Callable[[], Found], *, absent: str) -> Found | None:
    """What S3 answers; None where it has an error for "not set"."""
    try:
        return read()
    except ClientError as error:
        if code(error) == absent:
            return None
        raise


class _Here(TypedDict):
    Bucket: str
    ExpectedBucketOwner: str


def _here(account: Account) -> _Here:
    """The bucket, and that an answer counts only if it is this account's."""
    return {"Bucket": account.target.bucket, "ExpectedBucketOwner": account.target.account}


def _has_one_owner(account: Account) -> bool:
    answer = _found(
        lambda: account.s3.get_bucket_ownership_controls(**_here(account)), absent="OwnershipControlsNotFoundError"
    )
    rules = answer["OwnershipControls"]["Rules"] if answer else []
    return [rule["ObjectOwnership"] for rule in rules] == ["BucketOwnerEnforced"]


def _set_owner(account: Account) -> None:
    account.s3.put_bucket_ownership_controls(
        **_here(account), OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    )


def _is_closed(account: Account) -> bool:
    answer = _found(
        lambda: account.s3.get_public_access_block(**_here(account)), absent="NoSuchPublicAccessBlockConfiguration"
    )
    return bool(answer) and answer["PublicAccessBlockConfiguration"] == _CLOSED


def _close(account: Account) -> None:
    account.s3.put_public_access_block(**_here(account), PublicAccessBlockConfiguration=_CLOSED)


def _policy(target: Target) -> dict[str, Any]:
    about = [f"arn:aws:s3:::{target.bucket}", f"arn:aws:s3:::{target.bucket}/*"]
    everybody: dict[str, Any] = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": about}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "TlsOnly", **everybody, "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
            {
                "Sid": "ThisAccountOnly",
                **everybody,
                "Condition": {"StringNotEquals": {"aws:PrincipalAccount": target.account}},
            },
        ],
    }


def _has_policy(account: Account) -> bool:
    answer = _found(lambda: account.s3.get_bucket_policy(**_here(account)), absent="NoSuchBucketPolicy")
    return bool(answer) and same_policy(answer["Policy"], _policy(account.target))


def _put_policy(account: Account) -> None:
    account.s3.put_bucket_policy(**_here(account), Policy=json.dumps(_policy(account.target)))


def _is_versioned(account: Account) -> bool:
    return account.s3.get_bucket_versioning(**_here(account)).get("Status") == "Enabled"


def _version(account: Account) -> None:
    account.s3.put_bucket_versioning(**_here(account), VersioningConfiguration={"Status": "Enabled"})


def _forgets(account: Account) -> bool:
    answer = _found(
        lambda: account.s3.get_bucket_lifecycle_configuration(**_here(account)),
        absent="NoSuchLifecycleConfiguration",
    )
    return bool(answer) and answer.get("Rules") == [_OLD_VERSIONS]


def _set_lifecycle(account: Account) -> None:
    account.s3.put_bucket_lifecycle_configuration(**_here(account), LifecycleConfiguration={"Rules": [_OLD_VERSIONS]})


def _encryption(account: Account) -> ServerSideEncryptionConfigurationTypeDef:
    # With a bucket key many objects cost one request to KMS.
    by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key_arn(account)}
    return {"Rules": [{"ApplyServerSideEncryptionByDefault": by_default, "BucketKeyEnabled": True}]}  # pyright: ignore[reportReturnType]  # a literal, of which the name hides the type


def _is_encrypted(account: Account) -> bool:
    answer = _found(
        lambda: account.s3.get_bucket_encryption(**_here(account)),
        absent="ServerSideEncryptionConfigurationNotFoundError",
    )
    rules = answer["ServerSideEncryptionConfiguration"]["Rules"] if answer else []
    (wanted,) = _encryption(account)["Rules"]
    # AWS may say more about a rule than it was told.
    return len(rules) == 1 and wanted.items() <= rules[0].items()


def _encrypt(account: Account) -> None:
    account.s3.put_bucket_encryption(**_here(account), ServerSideEncryptionConfiguration=_encryption(account))


def _tags(account: Account) -> dict[str, str]:
    answer = _found(lambda: account.s3.get_bucket_tagging(**_here(account)), absent="NoSuchTagSet")
    return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]} if answer else {}


def _is_tagged(account: Account) -> bool:
    return account.target.tags.items() <= _tags(account).items()


def _tag(account: Account) -> None:
    # S3 replaces all tags at once: those that others have set stay.
    together = {**_tags(account), **account.target.tags}
    account.s3.put_bucket_tagging(
        **_here(account), Tagging={"TagSet": [{"Key": key, "Value": value} for key, value in together.items()]}
    )
