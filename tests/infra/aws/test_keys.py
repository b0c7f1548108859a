"""Encryption keys."""

from __future__ import annotations

from infra.aws.keys import EncryptionKey, EncryptionKeyArgs, for_logs
from tests.infra.aws.recorder import ACCOUNT, REGION, Recording, record, statements


def _declare(*, protect: bool = True) -> Recording:
    return record(
        lambda: EncryptionKey(
            "logs-key",
            EncryptionKeyArgs(
                environment="prod",
                account=ACCOUNT,
                part="logs",
                description="Log groups",
                protect=protect,
                statements=(for_logs(account=ACCOUNT, region=REGION),),
            ),
        )
    )


def test_a_key_is_rotated_and_slow_to_delete() -> None:
    """A key is rotated each year, waits 30 days before it is gone, and has an alias that says what it is for."""
    declared = _declare()
    key = declared.one("Key")
    assert key["enableKeyRotation"] is True
    assert key["deletionWindowInDays"] == 30
    assert declared.one("Alias")["name"] == "alias/inferstack-prod-logs"


def test_a_key_is_used_by_whom_iam_allows_and_by_log_groups_of_this_account() -> None:
    """The key's policy names the account and CloudWatch Logs for this account's groups, and nobody else."""
    policy = statements(_declare().one("Key")["policy"])
    assert policy.keys() == {"IamDecides", "LogGroups"}
    assert policy["IamDecides"]["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    logs = policy["LogGroups"]
    assert logs["Principal"] == {"Service": f"logs.{REGION}.amazonaws.com"}
    assert logs["Condition"] == {
        "ArnLike": {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:*"}
    }
    assert "kms:*" not in logs["Action"]


def test_a_protected_key_cannot_be_deleted() -> None:
    """In staging and prod the engine refuses to delete the key."""
    assert _declare().protected("Key") == ["logs-key"]
    assert _declare(protect=False).protected("Key") == []
