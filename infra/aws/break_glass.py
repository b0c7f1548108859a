"""People's way in when CI's is broken: with a second factor, for an hour, told to others, until a date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.aws import deployment
from infra.aws.keys import EncryptionKey, EncryptionKeyArgs
from infra.aws.policy_document import Statement, document

if TYPE_CHECKING:
    from infra.settings import BreakGlass as BreakGlassSettings

_SECONDS = 60 * 60


@dataclass(frozen=True, kw_only=True)
class BreakGlassArgs:
    """What emergency access is made from.

    Attributes:
        scope: what may be touched: the same as by a deployment.
        break_glass: the settings.
    """

    scope: deployment.Scope
    break_glass: BreakGlassSettings


class BreakGlass(pulumi.ComponentResource):
    """A role for people, and a mail to somebody else whenever one of them takes it.

    CloudTrail keeps a record of each use and of all that was done; EventBridge sees what the account's trail sees.

    Attributes:
        role_arn: the role, which may do what a deployment may.
    """

    role_arn: pulumi.Output[str]

    def __init__(self, name: str, args: BreakGlassArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:aws:BreakGlass", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            name,
            name=naming.aws_name(args.scope.environment, deployment.BREAK_GLASS),
            description="For people, in an emergency",
            assume_role_policy=document(_trust(args)),
            max_session_duration=_SECONDS,
            opts=child,
        )
        for part, statements in deployment.policies(args.scope).items():
            aws.iam.RolePolicy(f"{name}-{part}", name=part, role=role.id, policy=document(*statements), opts=child)
        self._tell(name, args, role_arn=role.arn)
        self.role_arn = role.arn
        self.register_outputs({"roleArn": role.arn})

    def _tell(self, name: str, args: BreakGlassArgs, *, role_arn: pulumi.Output[str]) -> None:
        """A mail for each use. It begins to come once its reader has confirmed the first one."""
        child = pulumi.ResourceOptions(parent=self)
        part = f"{deployment.BREAK_GLASS}-alerts"
        full_name = naming.aws_name(args.scope.environment, part)
        rule = aws.cloudwatch.EventRule(
            name,
            name=full_name,
            description="Somebody took the emergency role, or tried to",
            event_pattern=pulumi.Output.json_dumps(
                {
                    "source": ["aws.sts"],
                    "detail-type": ["AWS API Call via CloudTrail"],
                    "detail": {"eventName": ["AssumeRole"], "requestParameters": {"roleArn": [role_arn]}},
                }
            ),
            opts=child,
        )
        key = EncryptionKey(
            f"{name}-alerts",
            EncryptionKeyArgs(
                environment=args.scope.environment,
                account=args.scope.account,
                part=part,
                description="Alerts of emergency access",
                # What it encrypts is mail that was sent.
                protect=False,
                statements=(_events_may_encrypt(),),
            ),
            opts=child,
        )
        topic = aws.sns.Topic(name, name=full_name, kms_master_key_id=key.arn, opts=child)
        policy = aws.sns.TopicPolicy(
            name,
            arn=topic.arn,
            policy=document(
                Statement(
                    sid="Events",
                    principals={"Service": "events.amazonaws.com"},
                    actions=["sns:Publish"],
                    resources=[topic.arn],
                    conditions={"ArnEquals": {"aws:SourceArn": rule.arn}},
                ),
                Statement(
                    sid="TlsOnly",
                    effect="Deny",
                    principals={"AWS": "*"},
                    actions=["sns:Publish"],
                    resources=[topic.arn],
                    conditions={"Bool": {"aws:SecureTransport": "false"}},
                ),
            ),
            opts=child,
        )
        aws.sns.TopicSubscription(name, topic=topic.arn, protocol="email", endpoint=args.break_glass.notify, opts=child)
        aws.cloudwatch.EventTarget(
            name, rule=rule.name, arn=topic.arn, opts=pulumi.ResourceOptions(parent=self, depends_on=[policy])
        )


def _trust(args: BreakGlassArgs) -> Statement:
    end = args.break_glass.until + timedelta(days=1)
    return Statement(
        sid="People",
        principals={"AWS": list(args.break_glass.principals)},
        actions=["sts:AssumeRole"],
        conditions={
            "Bool": {"aws:MultiFactorAuthPresent": "true"},
            "NumericLessThan": {"aws:MultiFactorAuthAge": str(_SECONDS)},
            "DateLessThan": {"aws:CurrentTime": f"{end.isoformat()}T00:00:00Z"},
            # By the region's own endpoint, whose events the rule below sees.
            "StringEquals": {"aws:RequestedRegion": args.scope.region},
        },
    )


def _events_may_encrypt() -> Statement:
    """Without a condition: EventBridge names neither account nor rule when it encrypts for a topic.

    Source: https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    """
    return Statement(
        sid="Events",
        principals={"Service": "events.amazonaws.com"},
        actions=["kms:Decrypt", "kms:GenerateDataKey*"],
        resources=["*"],
    )
