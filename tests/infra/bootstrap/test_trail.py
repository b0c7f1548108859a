"""Whether somebody would hear of emergency access."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from infra.bootstrap import trail
from infra.bootstrap.account import connect

if TYPE_CHECKING:
    import boto3

    from infra.bootstrap.target import Target


@pytest.mark.usefixtures("aws")
def test_emergency_access_needs_a_trail(target: Target, session: boto3.Session) -> None:
    """With emergency access and no trail that records, the user is told; with one, or without the access, he is not."""
    account = connect(replace(target, break_glass=True), session)
    expected = "inferstack:aws.break_glass: no trail of CloudTrail records API calls in eu-central-1"
    assert expected in str(trail.advice(account))

    account.s3.create_bucket(Bucket="trails", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    account.cloudtrail.create_trail(Name="everything", S3BucketName="trails", IsMultiRegionTrail=True)
    assert expected in str(trail.advice(account)), "a trail that was made and not started"

    account.cloudtrail.start_logging(Name="everything")
    assert trail.advice(account) is None


@pytest.mark.usefixtures("aws")
def test_without_emergency_access_no_trail_is_asked_for(target: Target, session: boto3.Session) -> None:
    """A stack without emergency access needs none."""
    assert trail.advice(connect(target, session)) is None
