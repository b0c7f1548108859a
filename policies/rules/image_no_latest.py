"""``latest``, said or implied, tells nobody which version runs; beside a digest it is a lie waiting to happen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.images import is_image_build
from policies.rule import Expectation, Resource, ResourceRule, expect
from policies.workloads import containers, is_workload

if TYPE_CHECKING:
    from collections.abc import Iterator


def _names_a_version(reference: object) -> bool:
    name, _, digest = str(reference).partition("@")
    tag = name.rsplit("/", 1)[-1].partition(":")[2]
    return tag != "latest" and bool(tag or digest)


def _check(resource: Resource) -> Iterator[Expectation]:
    if is_image_build(resource.type):
        for tag in resource.node["tags"].each():
            yield expect(tag, "have a tag other than `latest`", tag.test(_names_a_version))
        return
    for container in containers(resource):
        image = container["image"]
        yield expect(image, "have a digest or a tag, and not `latest`", image.test(_names_a_version))


RULE = ResourceRule(
    name="image-no-latest",
    title="No image is run or built under the tag `latest`, nor under no tag at all.",
    remedy="name the version: registry/name:1.2.3 for a build, registry/name@sha256:… for a container",
    applies=lambda token: is_workload(token) or is_image_build(token),
    check=_check,
)
