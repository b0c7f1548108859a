"""A key that never changes is worth stealing for ever; one that is deleted takes its data with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policies.rule import Expectation, Resource, ResourceRule, expect
from policies.truth import any_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEAST_DAYS: Final = 14


def _check(resource: Resource) -> Iterator[Expectation]:
    key = resource.node
    rotated, days = key["enableKeyRotation"], key["deletionWindowInDays"]
    yield expect(rotated, "be true", rotated.is_true)
    # AWS's own default is 30 days.
    long = days.test(lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= _LEAST_DAYS)
    absent = days.test(lambda value: value is None)
    yield expect(days, f"be {_LEAST_DAYS} or more", any_of([absent, long]))


RULE = ResourceRule(
    name="aws-key-rotation",
    title="KMS keys are rotated each year, and can be called back for two weeks when deleted.",
    remedy="set enableKeyRotation: true and deletionWindowInDays: 30",
    applies=lambda token: token == "aws:kms/key:Key",  # noqa: S105  a type token
    check=_check,
)
