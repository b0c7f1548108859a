"""The key that encrypts a stack's state and what is secret in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from infra.bootstrap.account import code
from infra.bootstrap.steps import Step, same_policy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_kms.type_defs import KeyMetadataTypeDef

    from infra.bootstrap.account import Account
    from infra.bootstrap.target import Target

_PURPOSE = {"Purpose": "pulumi-state"}


def steps() -> Iterator[Step]:
    """The key, its name, its yearly rotation, and who decides about it."""
    yield Step(name="key", done=lambda account: find(account) is not None, make=_create)
    yield Step(name="key: alias", done=_has_alias, make=_name)
    yield Step(name="key: rotation", done=_is_rotated, make=_rotate)
    yield Step(name="key: policy", done=_has_policy, make=_put_policy)


def find(account: Account) -> str | None:
    """The ARN of the key; None if there is none.

    Raises:
        SettingsError: there is one, but it is disabled or about to be deleted.
    """
    metadata = _by_alias(account) or _without_alias(account)
    if metadata is None:
        return None
    state = metadata.get("KeyState", "")
    if state == "PendingDeletion":
        sentence = f"the key {metadata['KeyId']} of the state is about to be deleted. "
        sentence += f"Undo it with: aws kms cancel-key-deletion --key-id {metadata['KeyId']}"
        raise account.target.wrong("account", sentence)
    if state != "Enabled":
        sentence = f"the key {metadata['KeyId']} of the state is {state}. "
        sentence += f"Undo it with: aws kms enable-key --key-id {metadata['KeyId']}"
        raise account.target.wrong("account", sentence)
    return metadata.get("Arn")


def _by_alias(account: Account) -> KeyMetadataTypeDef | None:
    try:
        return account.kms.describe_key(KeyId=account.target.key_alias)["KeyMetadata"]
    except ClientError as error:
        if code(error) == "NotFoundException":
            return None
        raise


def _without_alias(account: Account) -> KeyMetadataTypeDef | None:
    """A key that an earlier run made, and was cut off before it could name it."""
    wanted = _tags(account.target).items()
    for page in account.kms.get_paginator("list_keys").paginate():
        for key in page["Keys"]:
            metadata = account.kms.describe_key(KeyId=key.get("KeyId", ""))["KeyMetadata"]
            # AWS's own keys show their tags to nobody.
            if metadata.get("KeyManager") != "CUSTOMER" or metadata.get("KeyState") != "Enabled":
                continue
            tags = account.kms.list_resource_tags(KeyId=metadata["KeyId"])["Tags"]
            if wanted <= {tag["TagKey"]: tag["TagValue"] for tag in tags}.items():
                return metadata
    return None


def _tags(target: Target) -> dict[str, str]:
    return {**target.tags, **_PURPOSE}


def _create(account: Account) -> None:
    account.kms.create_key(
        Description=f"State and secrets of the stack {account.target.environment}",
        # In the same call, so that there never is a key that a second run would not find.
        Tags=[{"TagKey": key, "TagValue": value} for key, value in _tags(account.target).items()],
        Policy=json.dumps(_policy(account.target)),
    )


def key_arn(account: Account) -> str:
    """The ARN of the key, which an earlier step made."""
    arn = find(account)
    assert arn is not None  # noqa: S101  # steps are in order
    return arn


def _has_alias(account: Account) -> bool:
    return _by_alias(account) is not None


def _name(account: Account) -> None:
    account.kms.create_alias(AliasName=account.target.key_alias, TargetKeyId=key_arn(account))


def _is_rotated(account: Account) -> bool:
    return account.kms.get_key_rotation_status(KeyId=key_arn(account))["KeyRotationEnabled"]


def _rotate(account: Account) -> None:
    account.kms.enable_key_rotation(KeyId=key_arn(account))


def _policy(target: Target) -> dict[str, Any]:
    """IAM decides who uses it: CI's roles, and administrators. Nobody of another account does."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "IamDecides",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{target.account}:root"},
                "Action": "kms:*",
                "Resource": "*",
            }
        ],
    }


def _has_policy(account: Account) -> bool:
    actual = account.kms.get_key_policy(KeyId=key_arn(account), PolicyName="default")["Policy"]
    return same_policy(actual, _policy(account.target))


def _put_policy(account: Account) -> None:
    account.kms.put_key_policy(KeyId=key_arn(account), PolicyName="default", Policy=json.dumps(_policy(account.target)))
