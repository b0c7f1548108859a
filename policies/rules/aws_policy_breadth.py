"""A right to everything is a right that nobody has thought about."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from policies.iam import allows, one_or_many, statements
from policies.rule import Expectation, Resource, ResourceRule, expect
from policies.truth import Truth, all_of, any_of, negate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.node import Node

_POLICIES: Final = tuple(
    f"aws:iam/{kind[0].lower()}{kind[1:]}:{kind}" for kind in ("Policy", "RolePolicy", "UserPolicy", "GroupPolicy")
)
_ATTACHMENTS: Final = tuple(
    f"aws:iam/{kind[0].lower()}{kind[1:]}:{kind}"
    for kind in ("RolePolicyAttachment", "UserPolicyAttachment", "GroupPolicyAttachment")
)
# Policies of AWS's own that give all rights, or all rights to give rights.
_TOO_MUCH: Final = re.compile(r":policy/(AdministratorAccess|PowerUserAccess|IAMFullAccess)$")
_WHOLE_SERVICE: Final = re.compile(r"\*|\*:\*|[a-z0-9-]+:\*")


def _check(resource: Resource) -> Iterator[Expectation]:
    if resource.type in _ATTACHMENTS:
        arn = resource.node["policyArn"]
        harmless = arn.test(lambda value: not (isinstance(value, str) and _TOO_MUCH.search(value)))
        yield expect(arn, "not be a policy of all rights", harmless)
        return
    for statement in statements(resource.node["policy"]):
        broad = all_of([allows(statement), _whole_services(statement), _all_resources(statement)])
        yield Expectation(
            holds=any_of([negate(broad), negate(statement["Condition"].empty)]),
            subject=statement.path,
            must="name actions or resources, or have a condition",
            found="all actions of a service, on everything",
        )


def _whole_services(statement: Node) -> Truth:
    """``NotAction`` gives all that it does not name, and all that AWS will ever add."""
    named = any_of(each.test(_is_wildcard) for each in one_or_many(statement["Action"]))
    return any_of([named, negate(statement["NotAction"].empty)])


def _all_resources(statement: Node) -> Truth:
    everything = any_of(each.equals("*") for each in one_or_many(statement["Resource"]))
    return any_of([everything, negate(statement["NotResource"].empty)])


def _is_wildcard(value: object) -> bool:
    return isinstance(value, str) and _WHOLE_SERVICE.fullmatch(value) is not None


RULE = ResourceRule(
    name="aws-policy-breadth",
    title="No IAM policy gives all actions of a service on all resources without a condition.",
    remedy="name the actions and the ARNs; where AWS knows none, bind the statement by a condition, such as the region",
    applies=lambda token: token in _POLICIES or token in _ATTACHMENTS,
    check=_check,
)
