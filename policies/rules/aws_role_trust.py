"""Who may take a role. From GitHub: one repository, from one environment. People: with a second factor."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from policies.aws import ROLE
from policies.iam import allows, has_kind, one_or_many, principals, statements
from policies.rule import Expectation, Resource, ResourceRule
from policies.truth import Truth, all_of, any_of, negate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.node import Node

_GITHUB: Final = "token.actions.githubusercontent.com"
# Pull requests have no environment: a role of theirs can do nothing that a stranger's pull request should not.
_SUBJECT: Final = re.compile(r"repo:[\w.-]+/[\w.-]+:(environment:[\w-]+|pull_request)")


def _check(resource: Resource) -> Iterator[Expectation]:
    trust = statements(resource.node["assumeRolePolicy"])
    yield Expectation(
        holds=any_of([negate(resource.node["assumeRolePolicy"].empty)]),
        subject="assumeRolePolicy",
        must="say who may take the role",
        found="nothing",
    )
    for statement in trust:
        gives = allows(statement)
        yield Expectation(
            holds=any_of([negate(gives), negate(has_kind(statement, "Federated")), _is_bound(statement)]),
            subject=statement.path,
            must="be for one repository and environment, by StringEquals on aud and sub",
            found="a wider trust",
        )
        everybody = any_of(each.equals("*") for each in principals(statement, "AWS"))
        people = has_kind(statement, "AWS")
        careful = all_of([negate(everybody), _has_second_factor(statement)])
        yield Expectation(
            holds=any_of([negate(gives), negate(people), careful]),
            subject=statement.path,
            must="name accounts or people, and ask for aws:MultiFactorAuthPresent",
            found="a wider trust",
        )


def _is_bound(statement: Node) -> Truth:
    exactly = statement["Condition"]["StringEquals"]
    audience, subject = exactly[f"{_GITHUB}:aud"], exactly[f"{_GITHUB}:sub"]
    subjects = [each.test(_is_subject) for each in one_or_many(subject)]
    return all_of([audience.equals("sts.amazonaws.com"), negate(subject.empty), *subjects])


def _is_subject(value: object) -> bool:
    return isinstance(value, str) and _SUBJECT.fullmatch(value) is not None


def _has_second_factor(statement: Node) -> Truth:
    factor = statement["Condition"]["Bool"]["aws:MultiFactorAuthPresent"]
    return factor.test(lambda value: value in ("true", True))


RULE = ResourceRule(
    name="aws-role-trust",
    title="A role is taken from GitHub by one repository and environment, and by people with a second factor only.",
    remedy="StringEquals on sub, repo:<owner>/<name>:environment:<name>; Bool aws:MultiFactorAuthPresent for people",
    applies=lambda token: token == ROLE,
    check=_check,
)
