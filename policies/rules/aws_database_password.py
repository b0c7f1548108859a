"""A password that a program knows is in its state, its logs, and some day in somebody's mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.aws import DATABASE
from policies.rule import Expectation, Resource, ResourceRule, expect

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(resource: Resource) -> Iterator[Expectation]:
    instance = resource.node
    managed, password = instance["manageMasterUserPassword"], instance["password"]
    yield expect(managed, "be true", managed.is_true)
    # Its text is in no message: a text that is not marked as a secret is one all the same.
    yield Expectation(holds=password.empty, subject="password", must="be absent", found="a password")


RULE = ResourceRule(
    name="aws-database-password",
    title="The password of a database is made, kept and rotated by AWS; no stack ever holds it.",
    remedy="set manageMasterUserPassword: true, and no password",
    applies=lambda token: token == DATABASE,
    check=_check,
)
