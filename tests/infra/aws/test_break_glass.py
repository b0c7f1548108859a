"""People's way in, in an emergency."""

from __future__ import annotations

import json
from datetime import date

import pytest

from infra.aws import deployment
from infra.aws.break_glass import BreakGlass, BreakGlassArgs
from infra.settings import BreakGlass as BreakGlassSettings
from tests.infra.aws.iam import allows
from tests.infra.aws.recorder import ACCOUNT, REGION, Recording, record

ON_CALL = f"arn:aws:iam::{ACCOUNT}:user/on-call"
GOOD = {
    "aws:MultiFactorAuthPresent": "true",
    "aws:MultiFactorAuthAge": "60",
    "aws:CurrentTime": "2027-03-31T23:59:00+00:00",
    "aws:RequestedRegion": REGION,
}


@pytest.fixture(scope="module")
def declared() -> Recording:
    """Emergency access to prod, until the end of March."""
    return record(
        lambda: BreakGlass(
            "break-glass",
            BreakGlassArgs(
                scope=deployment.Scope(
                    environment="prod", account=ACCOUNT, region=REGION, domain="inference.example.com"
                ),
                break_glass=BreakGlassSettings(
                    principals=(ON_CALL,), until=date(2027, 3, 31), notify="security@example.com"
                ),
            ),
        )
    )


@pytest.mark.parametrize(
    "change",
    [
        {"aws:MultiFactorAuthPresent": "false"},
        {"aws:MultiFactorAuthAge": "3601"},
        {"aws:CurrentTime": "2027-04-01T00:00:00+00:00"},
        {"aws:RequestedRegion": "us-east-1"},
    ],
)
def test_it_opens_for_named_people_with_a_second_factor_until_a_date(
    declared: Recording, change: dict[str, str]
) -> None:
    """On the last day it opens; without a fresh second factor, a day later, or where nobody would hear of it, not."""
    trust = declared.one("iam/role:Role")["assumeRolePolicy"]
    assert allows(trust, action="sts:AssumeRole", principal=ON_CALL, context=GOOD)
    assert not allows(trust, action="sts:AssumeRole", principal=f"{ON_CALL}-2", context=GOOD)
    assert not allows(trust, action="sts:AssumeRole", principal=ON_CALL, context={**GOOD, **change})
    for key in GOOD:
        without = {name: value for name, value in GOOD.items() if name != key}
        assert not allows(trust, action="sts:AssumeRole", principal=ON_CALL, context=without)


def test_it_lasts_an_hour(declared: Recording) -> None:
    """Nobody holds the role longer than an hour."""
    assert declared.one("iam/role:Role")["maxSessionDuration"] == 3600


def test_it_may_do_what_a_deployment_may(declared: Recording) -> None:
    """People can run the update that CI cannot, and read no secret either."""
    policies = [each.inputs["policy"] for each in declared.of("RolePolicy")]
    assert len(policies) == 3
    here = {"aws:RequestedRegion": REGION}
    assert allows(*policies, action="rds:RestoreDBInstanceToPointInTime", context=here)
    assert not allows(*policies, action="secretsmanager:GetSecretValue", context=here)
    own = f"arn:aws:iam::{ACCOUNT}:role/inferstack-prod-break-glass"
    assert not allows(*policies, action="iam:UpdateAssumeRolePolicy", resource=own, context=here)


def test_somebody_hears_of_each_use(declared: Recording) -> None:
    """Every attempt to take the role becomes a mail, over an encrypted topic that only this rule may publish to."""
    pattern = json.loads(declared.one("EventRule")["eventPattern"])
    role_arn = f"arn:aws:iam:{REGION}:{ACCOUNT}:role/break-glass"
    assert pattern["source"] == ["aws.sts"]
    assert pattern["detail"] == {"eventName": ["AssumeRole"], "requestParameters": {"roleArn": [role_arn]}}
    topic = declared.one("sns/topic:Topic")
    assert topic["kmsMasterKeyId"].startswith("arn:aws:kms:")
    mail = declared.one("TopicSubscription")
    assert (mail["protocol"], mail["endpoint"]) == ("email", "security@example.com")
    target = declared.one("EventTarget")
    assert target["arn"] == mail["topic"]
    policy = declared.one("TopicPolicy")["policy"]
    rule_arn = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:eventrule/break-glass"
    for source, allowed in ((rule_arn, True), (f"{rule_arn}-2", False)):
        published = allows(
            policy,
            action="sns:Publish",
            resource=mail["topic"],
            principal="events.amazonaws.com",
            context={"aws:SourceArn": source, "aws:SecureTransport": "true"},
        )
        assert published is allowed


def test_events_may_use_the_topics_key(declared: Recording) -> None:
    """Without that right EventBridge drops the event without a word."""
    policy = declared.one("kms/key:Key")["policy"]
    for action in ("kms:Decrypt", "kms:GenerateDataKey"):
        assert allows(policy, action=action, principal="events.amazonaws.com")
    assert not allows(policy, action="kms:PutKeyPolicy", principal="events.amazonaws.com")
