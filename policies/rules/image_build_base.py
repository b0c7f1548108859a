"""An image is as reproducible as what it starts from.

Judged is what the resource says: build arguments and named contexts. A ``FROM`` that names an image by itself stands
in the Dockerfile, which is no property; that this repository's Dockerfiles have none is a test's to show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.images import is_base_argument, is_image_build, is_pinned
from policies.rule import Expectation, Resource, ResourceRule, expect

if TYPE_CHECKING:
    from collections.abc import Iterator

_IMAGE = "docker-image://"


def _is_base(value: object) -> bool:
    return value == "scratch" or is_pinned(value)


def _is_pinned_context(value: object) -> bool:
    return is_pinned(str(value).removeprefix(_IMAGE))


def _is_image_context(value: object) -> bool:
    return str(value).startswith(_IMAGE)


def _check(resource: Resource) -> Iterator[Expectation]:
    for name, value in resource.node["buildArgs"].entries():
        if name is None or is_base_argument(name):
            yield expect(value, "name the base image by its digest (name@sha256:…)", value.test(_is_base))
    for _, context in resource.node.at("context", "named").entries():
        location = context["location"]
        if location.test(_is_image_context) is not False:
            must = f"name the image by its digest ({_IMAGE}name@sha256:…)"
            yield expect(location, must, location.test(_is_pinned_context))


RULE = ResourceRule(
    name="image-build-base",
    title="Base images given to a build, as BASE_IMAGE arguments or named contexts, are pinned by SHA-256 digest.",
    remedy="pass the digest reference of the base image, for example the `ref` output of its docker_build.Image",
    applies=is_image_build,
    check=_check,
)
