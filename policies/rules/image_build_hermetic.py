"""A build that fetches gives other bytes another day, and one that is not pushed can run nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.images import is_image_build
from policies.rule import Expectation, Resource, ResourceRule, expect

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(resource: Resource) -> Iterator[Expectation]:
    image = resource.node
    yield expect(image["network"], "be none", image["network"].equals("none"))
    yield expect(image["push"], "be true", image["push"].is_true)


RULE = ResourceRule(
    name="image-build-hermetic",
    title="Images are built without a network, and pushed.",
    remedy="set network: none and push: true; prepare what the build needs as a named context (wheels, model)",
    applies=is_image_build,
    check=_check,
)
