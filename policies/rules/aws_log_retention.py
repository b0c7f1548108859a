"""A log group without an end keeps everything for ever, at a price that nobody sees, whatever privacy says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.aws import LOG_GROUP
from policies.rule import Expectation, Resource, ResourceRule, expect

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(resource: Resource) -> Iterator[Expectation]:
    days = resource.node["retentionInDays"]
    yield expect(days, "be a number of days", days.test(_is_some_days))


def _is_some_days(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


RULE = ResourceRule(
    name="aws-log-retention",
    title="Every log group says how long it keeps.",
    remedy="set retentionInDays",
    applies=lambda token: token == LOG_GROUP,
    check=_check,
)
