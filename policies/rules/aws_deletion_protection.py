"""A typing error in a stack file deletes a database in a minute. Development may; nothing else may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policies.aws import BUCKET, CLUSTER, DATABASE, LOAD_BALANCER, PROVIDER, REPOSITORY, switched_on
from policies.iam import parsed
from policies.rule import Expectation, Resource, StackRule, expect
from policies.truth import Truth, all_of, any_of, negate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# What must be said, and what must not, of each type.
_ON: Final = {
    CLUSTER: ("deletionProtection",),
    DATABASE: ("deletionProtection",),
    LOAD_BALANCER: ("enableDeletionProtection",),
}
_OFF: Final = {BUCKET: ("forceDestroy",), DATABASE: ("skipFinalSnapshot",), REPOSITORY: ("forceDelete",)}


def _check(resources: Sequence[Resource]) -> Iterator[tuple[Resource, Expectation]]:
    may_go = _is_development([item for item in resources if item.type == PROVIDER])
    for resource in resources:
        for name in _ON.get(resource.type, ()):
            flag = resource.node[name]
            yield resource, expect(flag, "be true", any_of([may_go, switched_on(flag)]))
        for name in _OFF.get(resource.type, ()):
            flag = resource.node[name]
            yield resource, expect(flag, "not be true", any_of([may_go, negate(switched_on(flag))]))


def _is_development(providers: Sequence[Resource]) -> Truth:
    """By the tag that the provider sets; a stack without one is taken for one that matters."""
    if not providers:
        return False
    return all_of(parsed(each.node["defaultTags"]).at("tags", "Environment").equals("dev") for each in providers)


RULE = StackRule(
    name="aws-deletion-protection",
    title="In every environment but dev, AWS refuses to delete cluster, database, balancer, and full buckets.",
    remedy="set aws.tier to staging or production, which protect what holds data",
    applies=lambda token: token == PROVIDER or token in _ON or token in _OFF,
    check=_check,
)
