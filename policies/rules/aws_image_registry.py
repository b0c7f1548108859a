"""A tag that moves makes a release something else than what was tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.aws import REPOSITORY
from policies.rule import Expectation, Resource, ResourceRule, expect

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(resource: Resource) -> Iterator[Expectation]:
    repository = resource.node
    tags, scan = repository["imageTagMutability"], repository["imageScanningConfiguration"]["scanOnPush"]
    yield expect(tags, "be IMMUTABLE", tags.equals("IMMUTABLE"))
    yield expect(scan, "be true", scan.is_true)


RULE = ResourceRule(
    name="aws-image-registry",
    title="Tags of a repository never move, and what is pushed is scanned.",
    remedy="set imageTagMutability: IMMUTABLE and imageScanningConfiguration.scanOnPush: true",
    applies=lambda token: token == REPOSITORY,
    check=_check,
)
