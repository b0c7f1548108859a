"""An image reference without a digest can mean other bytes tomorrow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.images import is_pinned
from policies.rule import Expectation, Resource, ResourceRule, expect
from policies.workloads import containers, is_workload

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(resource: Resource) -> Iterator[Expectation]:
    for container in containers(resource):
        image = container["image"]
        yield expect(image, "name the image by its digest (name@sha256:…)", image.test(is_pinned))


RULE = ResourceRule(
    name="image-digest",
    title="Every container image is pinned by its SHA-256 digest.",
    remedy="use the `reference` of infra.images.BuiltImage, or name@sha256:… of an image that a catalogue lists",
    applies=is_workload,
    check=_check,
)
