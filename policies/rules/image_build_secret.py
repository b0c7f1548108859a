"""A build argument is kept in the image's history, for whoever can pull it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.images import is_base_argument, is_image_build
from policies.rule import Expectation, Resource, ResourceRule
from policies.secret_patterns import in_clear

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(resource: Resource) -> Iterator[Expectation]:
    for name, value in resource.node["buildArgs"].entries():
        if is_base_argument(name):
            continue  # image-build-base leaves no room for a secret in it
        found = in_clear(name, value)
        yield Expectation(holds=found.harmless, subject=value.path, must="not hold a secret", found=found.what)


RULE = ResourceRule(
    name="image-build-secret",
    title="No build argument of an image holds a secret.",
    remedy="pass it as a build secret (`secrets` of docker_build.Image, `RUN --mount=type=secret`)",
    applies=is_image_build,
    check=_check,
)
