"""The provider's tags reach what the provider makes. Nodes and their volumes are made by a scaling group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policies.aws import LAUNCH_TEMPLATE
from policies.rule import Expectation, Resource, ResourceRule
from policies.truth import all_of, any_of, negate

if TYPE_CHECKING:
    from collections.abc import Iterator

_TAGS: Final = ("Project", "Environment", "ManagedBy")


def _check(resource: Resource) -> Iterator[Expectation]:
    specifications = resource.node["tagSpecifications"]
    for kind in ("instance", "volume"):
        tagged = any_of(
            all_of([each["resourceType"].equals(kind), *(negate(each["tags"][tag].empty) for tag in _TAGS)])
            for each in specifications.each()
        )
        yield Expectation(
            holds=tagged,
            subject="tagSpecifications",
            must=f"give each {kind} the tags {', '.join(_TAGS)}",
            found=specifications.show(),
        )


RULE = ResourceRule(
    name="aws-node-tags",
    title="Nodes and their volumes carry the tags that everything else has by the provider.",
    remedy="set tagSpecifications of instance and volume to infra.naming.tags()",
    applies=lambda token: token == LAUNCH_TEMPLATE,
    check=_check,
)
