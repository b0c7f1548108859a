"""The bucket of models and engines, and its log."""

from __future__ import annotations

import pytest

from infra.aws.storage import Storage, StorageArgs
from tests.infra.aws.iam import allows
from tests.infra.aws.recorder import ACCOUNT, REGION, Recording, record

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/storage"
DATA, LOG = f"inferstack-prod-models-{ACCOUNT}", f"inferstack-prod-access-{ACCOUNT}"


def _declare(*, protect: bool = True) -> Recording:
    return record(
        lambda: Storage("storage", StorageArgs(environment="prod", account=ACCOUNT, key_arn=KEY, protect=protect))
    )


@pytest.fixture(scope="module")
def declared() -> Recording:
    """The storage of prod."""
    return _declare()


@pytest.mark.parametrize("name", ["models", "access"])
def test_a_bucket_is_private(declared: Recording, name: str) -> None:
    """Every bucket refuses the public four times over, has one owner, keeps old versions and answers by TLS only."""
    closed = declared.one("BucketPublicAccessBlock", name)
    assert {value for key, value in closed.items() if key != "bucket"} == {True}
    assert len(closed) == 5
    assert declared.one("BucketOwnershipControls", name)["rule"] == {"objectOwnership": "BucketOwnerEnforced"}
    assert declared.one("BucketVersioning", name)["versioningConfiguration"] == {"status": "Enabled"}
    policy = declared.one("BucketPolicy", name)["policy"]
    assert '"aws:SecureTransport": "false"' in policy
    for action in ("s3:GetObject", "s3:PutObject", "s3:ListBucket"):
        assert not allows(policy, action=action, principal="anybody", context={"aws:SecureTransport": "true"})


def test_objects_are_encrypted_with_the_stacks_key(declared: Recording) -> None:
    """Models have the stack's key, with one request to KMS for many; the log has the one that S3 can deliver to."""
    (rule,) = declared.one("BucketServerSideEncryptionConfiguration", "models")["rules"]
    assert rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": KEY}
    assert rule["bucketKeyEnabled"] is True
    (rule,) = declared.one("BucketServerSideEncryptionConfiguration", "access")["rules"]
    assert rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "AES256"}


def test_what_nobody_needs_goes(declared: Recording) -> None:
    """Old versions and broken uploads expire, models never do; the log lives a quarter of a year."""
    (rule,) = declared.one("BucketLifecycleConfiguration", "models")["rules"]
    assert rule["noncurrentVersionExpiration"] == {"noncurrentDays": 30}
    assert rule["abortIncompleteMultipartUpload"] == {"daysAfterInitiation": 1}
    assert "expiration" not in rule
    rules = {each["id"]: each for each in declared.one("BucketLifecycleConfiguration", "access")["rules"]}
    assert rules["expire"]["expiration"] == {"days": 90}


def test_who_touched_a_model_is_written_down(declared: Recording) -> None:
    """The log goes to the other bucket, where S3 may write for this bucket of this account and nobody else may."""
    logging = declared.one("BucketLogging")
    assert (logging["bucket"], logging["targetBucket"]) == (DATA, LOG)
    policy = declared.one("BucketPolicy", "access")["policy"]

    def may_write(*, source: str, account: str) -> bool:
        return allows(
            policy,
            action="s3:PutObject",
            resource=f"arn:aws:s3:::{LOG}/models/2026",
            principal="logging.s3.amazonaws.com",
            context={
                "aws:SourceArn": f"arn:aws:s3:::{source}",
                "aws:SourceAccount": account,
                "aws:SecureTransport": "true",
            },
        )

    assert may_write(source=DATA, account=ACCOUNT)
    assert not may_write(source="another", account=ACCOUNT)
    assert not may_write(source=DATA, account="999999999999")


def test_a_bucket_goes_only_where_it_may() -> None:
    """In staging and prod a bucket is protected and not emptied by a deletion; in dev it goes with what is in it."""
    for protect in (True, False):
        declared = _declare(protect=protect)
        assert sorted(declared.protected("Bucket")) == (["access", "models"] if protect else [])
        assert {each.inputs["forceDestroy"] for each in declared.of("Bucket")} == {not protect}
