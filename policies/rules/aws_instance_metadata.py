"""Whoever reaches a node's metadata service has the node's role. Pods are one hop further away than the node is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policies.aws import LAUNCH_TEMPLATE
from policies.rule import Expectation, Resource, ResourceRule, expect

if TYPE_CHECKING:
    from collections.abc import Iterator

_TYPES: Final = (LAUNCH_TEMPLATE, "aws:ec2/instance:Instance")


def _check(resource: Resource) -> Iterator[Expectation]:
    options = resource.node["metadataOptions"]
    tokens, hops = options["httpTokens"], options["httpPutResponseHopLimit"]
    yield expect(tokens, "be required", tokens.equals("required"))
    yield expect(hops, "be 1", hops.equals(1))


RULE = ResourceRule(
    name="aws-instance-metadata",
    title="Nodes answer metadata requests with a token only, and no further than themselves.",
    remedy="set metadataOptions httpTokens: required and httpPutResponseHopLimit: 1",
    applies=lambda token: token in _TYPES,
    check=_check,
)
