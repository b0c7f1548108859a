"""What a bootstrap makes, on moto."""

# AWS may leave out parts of its answers; a test fails where it does.
# pyright: reportTypedDictNotRequiredAccess=false

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from hypothesis import strategies as st
from moto import mock_aws

from infra.bootstrap import run
from infra.bootstrap.account import Account, connect
from infra.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    import boto3

    from infra.bootstrap.target import Target

WRITES = ("Create", "Put", "Enable")


class CutOff(BaseException):
    """The run ends here, as by Ctrl-C."""


class Wire:
    """Counts calls, and cuts one off: before it reaches AWS, or before its answer comes back."""

    def __init__(self, account: Account, event: str) -> None:
        """Listen.

        Args:
            account: whose calls count.
            event: of botocore, ``before-call`` or ``after-call``.
        """
        self.calls = list[str]()
        self.cut = 0
        for client in (account.kms, account.s3):
            client.meta.events.register(event, self._call)

    def _call(self, event_name: str, **_: object) -> None:
        self.calls.append(event_name.rpartition(".")[2])
        if len(self.calls) == self.cut:
            raise CutOff


def _apply(target: Target, session: boto3.Session) -> dict[str, str]:
    return dict(run.apply(connect(target, session)))


def _look(account: Account) -> dict[str, Any]:
    """Everything that a bootstrap makes, as AWS shows it, but for ids and times."""
    bucket = account.target.bucket
    keys = [
        key["KeyId"]
        for key in account.kms.list_keys()["Keys"]
        if account.kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyManager"] == "CUSTOMER"
    ]
    aliases = [each for each in account.kms.list_aliases()["Aliases"] if "inferstack" in each["AliasName"]]
    (rule,) = account.s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    by_default = rule["ApplyServerSideEncryptionByDefault"]
    return {
        "keys": len(keys),
        "aliases": [(alias["AliasName"], alias["TargetKeyId"] == keys[0]) for alias in aliases],
        "rotation": account.kms.get_key_rotation_status(KeyId=keys[0])["KeyRotationEnabled"],
        "key policy": json.loads(account.kms.get_key_policy(KeyId=keys[0], PolicyName="default")["Policy"]),
        "buckets": [each["Name"] for each in account.s3.list_buckets()["Buckets"]],
        "region": account.s3.get_bucket_location(Bucket=bucket)["LocationConstraint"],
        "owner": account.s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"],
        "closed": account.s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"],
        "policy": json.loads(account.s3.get_bucket_policy(Bucket=bucket)["Policy"]),
        "versions": account.s3.get_bucket_versioning(Bucket=bucket)["Status"],
        "lifecycle": account.s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"],
        "encryption": (
            by_default["SSEAlgorithm"],
            by_default.get("KMSMasterKeyID", "").endswith(keys[0]),
            rule.get("BucketKeyEnabled"),
        ),
        "tags": sorted((tag["Key"], tag["Value"]) for tag in account.s3.get_bucket_tagging(Bucket=bucket)["TagSet"]),
    }


@pytest.mark.usefixtures("aws")
def test_the_state_is_safe(target: Target, session: boto3.Session) -> None:
    """The bucket is in the region, private, versioned and encrypted with a key of its own that is rotated and named."""
    _apply(target, session)
    made = _look(connect(target, session))
    assert made["keys"] == 1
    assert made["aliases"] == [("alias/inferstack-dev-secrets", True)]
    assert made["rotation"] is True
    assert made["buckets"] == [target.bucket] == [f"inferstack-dev-state-{target.account}"]
    assert made["region"] == target.region
    assert made["owner"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert set(made["closed"].values()) == {True}
    assert made["versions"] == "Enabled"
    assert made["encryption"] == ("aws:kms", True, True)
    assert ("Environment", "dev") in made["tags"]
    sids = {statement["Sid"]: statement for statement in made["policy"]["Statement"]}
    assert sids["TlsOnly"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert sids["ThisAccountOnly"]["Condition"] == {"StringNotEquals": {"aws:PrincipalAccount": target.account}}
    assert {statement["Effect"] for statement in sids.values()} == {"Deny"}
    (rule,) = made["lifecycle"]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 90}
    assert "Expiration" not in rule


@pytest.mark.usefixtures("aws")
def test_a_second_run_changes_nothing(target: Target, session: boto3.Session) -> None:
    """The first run makes all, the second finds all and sends AWS nothing but questions."""
    account = connect(target, session)
    wire = Wire(account, "before-call")
    assert "made" in set(dict(run.apply(account)).values())
    before = _look(account)
    wire.calls.clear()
    assert set(dict(run.apply(account)).values()) == {"there"}
    assert [call for call in wire.calls if call.startswith(WRITES)] == []
    assert _look(account) == before


@pytest.mark.parametrize("event", ["before-call", "after-call"])
def test_a_run_that_was_cut_off_anywhere_can_be_repeated(target: Target, session: boto3.Session, event: str) -> None:
    """Cut off before or after any call, the next run ends where an undisturbed one does: one key, one bucket."""
    with mock_aws():
        account = connect(target, session)
        wire = Wire(account, event)
        list(run.apply(account))
        calls = list(wire.calls)
        expected = _look(account)
    # A question whose answer is lost leaves all as it was before it.
    cuts = [number for number, call in enumerate(calls, start=1) if event == "before-call" or call.startswith(WRITES)]
    assert len(cuts) >= 10
    for cut in cuts:
        with mock_aws():
            wire.calls.clear()
            wire.cut = cut
            with pytest.raises(CutOff):
                list(run.apply(account))
            wire.cut = 0
            list(run.apply(account))
            assert _look(account) == expected, f"{event} {cut}: {calls[cut - 1]}"


@hypothesis.settings(max_examples=10, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
@hypothesis.given(cuts=st.lists(st.integers(min_value=1, max_value=40), min_size=2, max_size=5))
def test_however_often_it_is_cut_off_it_ends_in_the_same(
    target: Target, session: boto3.Session, cuts: list[int]
) -> None:
    """Runs that are cut off one after another, each somewhere else, leave one key and one bucket in the end."""
    with mock_aws():
        account = connect(target, session)
        wire = Wire(account, "after-call")
        for cut in cuts:
            wire.calls.clear()
            wire.cut = cut
            with contextlib.suppress(CutOff):
                list(run.apply(account))
        wire.cut = 0
        list(run.apply(account))
        made = _look(account)
        assert (made["keys"], made["buckets"]) == (1, [target.bucket])
        assert set(dict(run.check(account)).values()) == {"there"}


@pytest.mark.usefixtures("aws")
def test_what_somebody_loosened_is_put_right(target: Target, session: boto3.Session) -> None:
    """A protection that was taken away is missing in a check, and made again by the next run; foreign tags stay."""
    _apply(target, session)
    account = connect(target, session)
    expected = _look(account)
    loosen: dict[str, Callable[[], object]] = {
        "key: rotation": lambda: account.kms.disable_key_rotation(
            KeyId=account.kms.describe_key(KeyId=target.key_alias)["KeyMetadata"]["KeyId"]
        ),
        "bucket: no public access": lambda: account.s3.delete_public_access_block(Bucket=target.bucket),
        "bucket: TLS and this account only": lambda: account.s3.delete_bucket_policy(Bucket=target.bucket),
        "bucket: versions": lambda: account.s3.put_bucket_versioning(
            Bucket=target.bucket, VersioningConfiguration={"Status": "Suspended"}
        ),
        "bucket: life of old versions": lambda: account.s3.delete_bucket_lifecycle(Bucket=target.bucket),
        "bucket: encryption": lambda: account.s3.delete_bucket_encryption(Bucket=target.bucket),
        "bucket: tags": lambda: account.s3.put_bucket_tagging(
            Bucket=target.bucket, Tagging={"TagSet": [{"Key": "Owner", "Value": "somebody"}]}
        ),
    }
    for step, change in loosen.items():
        change()
        assert [name for name, state in run.check(account) if state == "missing"] == [step]
        assert [name for name, state in run.apply(account) if state == "made"] == [step]
    seen = _look(account)
    assert ("Owner", "somebody") in seen["tags"]
    seen["tags"].remove(("Owner", "somebody"))
    assert seen == expected


@pytest.mark.usefixtures("aws")
def test_a_check_changes_nothing(target: Target, session: boto3.Session) -> None:
    """On an empty account everything is missing, and is so after the check."""
    account = connect(target, session)
    wire = Wire(account, "before-call")
    states = dict(run.check(account))
    assert set(states.values()) == {"missing"}
    assert [call for call in wire.calls if call.startswith(WRITES)] == []
    assert account.s3.list_buckets()["Buckets"] == []


def _disable(account: Account, key: str) -> None:
    account.kms.disable_key(KeyId=key)


def _delete(account: Account, key: str) -> None:
    account.kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (_disable, "is Disabled. Undo it with: aws kms enable-key --key-id"),
        (_delete, "is about to be deleted. Undo it with: aws kms cancel-key-deletion --key-id"),
    ],
)
def test_a_key_that_cannot_be_used_is_not_replaced(
    target: Target, session: boto3.Session, spoil: Callable[[Account, str], None], sentence: str
) -> None:
    """A disabled key, or one about to be deleted, still opens the state: the user is told how to get it back."""
    account = connect(target, session)
    list(run.apply(account))
    spoil(account, account.kms.describe_key(KeyId=target.key_alias)["KeyMetadata"]["KeyId"])
    with pytest.raises(SettingsError, match=sentence):
        list(run.apply(account))


def test_the_first_region_is_made_without_its_name(session: boto3.Session, target: Target) -> None:
    """S3 refuses to hear the name of us-east-1."""
    with mock_aws():
        there = replace(target, region="us-east-1")
        _apply(there, session)
        assert set(_apply(there, session).values()) == {"there"}
        assert _look(connect(there, session))["region"] is None
