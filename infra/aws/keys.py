"""Encryption keys."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.aws.policy_document import Statement, document


@dataclass(frozen=True, kw_only=True)
class EncryptionKeyArgs:
    """What a key is made from.

    Attributes:
        environment: the stack.
        account: the account that the key lies in.
        part: what it encrypts, for example ``logs``; a part of its alias.
        description: the same in words.
        protect: whether it must not be deleted: what it encrypted would be lost.
        statements: who may use it besides roles that IAM allows to, for example :func:`for_logs`.
    """

    environment: str
    account: str
    part: str
    description: str
    protect: bool
    statements: tuple[Statement, ...] = ()


class EncryptionKey(pulumi.ComponentResource):
    """A KMS key that is rotated every year, with an alias.

    Attributes:
        arn: the key's.
    """

    arn: pulumi.Output[str]

    def __init__(self, name: str, args: EncryptionKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:aws:EncryptionKey", name, None, opts)
        key = aws.kms.Key(
            name,
            description=args.description,
            enable_key_rotation=True,
            # The longest there is: time to notice that something still needs it.
            deletion_window_in_days=30,
            policy=document(_account_decides(args.account), *args.statements),
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect),
        )
        aws.kms.Alias(
            f"{name}-alias",
            name=f"alias/{naming.aws_name(args.environment, args.part)}",
            target_key_id=key.key_id,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.arn = key.arn
        self.register_outputs({"arn": self.arn})


def _account_decides(account: str) -> Statement:
    """Without it no policy of IAM counts, and a key that nobody may manage cannot be deleted either."""
    return Statement(
        sid="IamDecides",
        principals={"AWS": f"arn:aws:iam::{account}:root"},
        actions=["kms:*"],
        resources=["*"],
    )


def for_logs(*, account: str, region: str) -> Statement:
    """Lets CloudWatch Logs encrypt the log groups of this account."""
    return Statement(
        sid="LogGroups",
        principals={"Service": f"logs.{region}.amazonaws.com"},
        actions=["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
        resources=["*"],
        conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{region}:{account}:log-group:*"}},
    )
