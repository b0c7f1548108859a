"""Whatever a role's policies come to say, its boundary says what it may never do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.aws import ROLE
from policies.iam import has_kind, statements
from policies.rule import Expectation, Resource, ResourceRule, expect
from policies.truth import any_of, negate

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(resource: Resource) -> Iterator[Expectation]:
    boundary = resource.node["permissionsBoundary"]
    trust = statements(resource.node["assumeRolePolicy"])
    # Software runs as it: pods, nodes, services of AWS. Who else may take a role is what aws-role-trust asks.
    of_software = any_of(has_kind(statement, "Service") for statement in trust)
    yield expect(boundary, "name the stack's boundary", any_of([negate(of_software), negate(boundary.empty)]))


RULE = ResourceRule(
    name="aws-role-boundary",
    title="Every role that software runs as carries a permissions boundary.",
    remedy="set permissionsBoundary to the ARN of infra.aws.boundary.Boundary",
    applies=lambda token: token == ROLE,
    check=_check,
)
