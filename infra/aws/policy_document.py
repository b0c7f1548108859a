"""IAM policies from typed statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pulumi

Values = pulumi.Input[str] | Sequence[pulumi.Input[str]]


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One statement of a policy.

    Attributes:
        sid: says in a word what it is for.
        actions: for example ``s3:GetObject``.
        not_actions: instead of ``actions``: every action but these.
        resources: ARNs; none in a trust policy.
        principals: whom it is about, by kind (``AWS``, ``Service``, ``Federated``); none in a role's own policy.
        conditions: by operator, then by key.
        effect: ``Deny`` wins over every ``Allow``.
    """

    sid: str
    actions: Sequence[str] = ()
    not_actions: Sequence[str] = ()
    resources: Sequence[pulumi.Input[str]] = ()
    principals: Mapping[str, Values] = field(default_factory=dict[str, Values])
    conditions: Mapping[str, Mapping[str, Values]] = field(default_factory=dict[str, Mapping[str, Values]])
    effect: Literal["Allow", "Deny"] = "Allow"

    def as_json(self) -> dict[str, Any]:
        """As IAM writes it, without what is empty."""
        parts = {
            "Sid": self.sid,
            "Effect": self.effect,
            "Principal": dict(self.principals),
            "Action": list(self.actions),
            "NotAction": list(self.not_actions),
            "Resource": _one_or_all(self.resources),
            "Condition": {operator: dict(keys) for operator, keys in self.conditions.items()},
        }
        return {key: value for key, value in parts.items() if value}


def _one_or_all(values: Sequence[pulumi.Input[str]]) -> Values:
    """IAM writes a list of one as that one, and gives it back so."""
    return values[0] if len(values) == 1 else list(values)


def document(*statements: Statement) -> pulumi.Output[str]:
    """The policy of these statements as JSON; known once every ARN in it is."""
    return pulumi.Output.json_dumps(
        {"Version": "2012-10-17", "Statement": [statement.as_json() for statement in statements]}
    )


def tls_only(resources: Sequence[pulumi.Input[str]], *, service: str) -> Statement:
    """For the policy of a bucket or a topic: nobody speaks to it without TLS."""
    return Statement(
        sid="TlsOnly",
        effect="Deny",
        principals={"AWS": "*"},
        actions=[f"{service}:*"],
        resources=resources,
        conditions={"Bool": {"aws:SecureTransport": "false"}},
    )
