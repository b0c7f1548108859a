"""A provider that may work in any account works in the wrong one some day; what has no tags belongs to nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policies.aws import PROVIDER
from policies.iam import parsed
from policies.rule import Expectation, Resource, ResourceRule, expect
from policies.truth import all_of, negate

if TYPE_CHECKING:
    from collections.abc import Iterator

_TAGS: Final = ("Project", "Environment", "ManagedBy")
_ONE: Final = 1


def _check(resource: Resource) -> Iterator[Expectation]:
    provider = resource.node
    accounts, region = parsed(provider["allowedAccountIds"]), provider["region"]
    one = accounts.test(lambda value: isinstance(value, list) and len(value) == _ONE)  # pyright: ignore[reportUnknownArgumentType]  # of whatever
    yield expect(accounts, "name the one account of the stack", one)
    yield expect(region, "name the region of the stack", negate(region.empty))
    tags = parsed(provider["defaultTags"])["tags"]
    for name in _TAGS:
        tag = tags[name]
        yield expect(tag, "be set for all resources", all_of([tag.present, negate(tag.empty)]))


RULE = ResourceRule(
    name="aws-provider",
    title="An AWS provider works in one account and region, and tags all it makes with project and environment.",
    remedy="use the provider of infra.aws.provider.pinned_provider for every resource",
    applies=lambda token: token == PROVIDER,
    check=_check,
)
