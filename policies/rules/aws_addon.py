"""An add-on without a version changes by itself; a VPC CNI as AWS makes it lets every network policy be ignored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from policies.aws import ADDON, switched_on
from policies.iam import parsed
from policies.rule import Expectation, Resource, ResourceRule, expect
from policies.truth import any_of, negate

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(resource: Resource) -> Iterator[Expectation]:
    addon = resource.node
    version = addon["addonVersion"]
    yield expect(version, "be named", negate(version.empty))
    is_network = addon["addonName"].equals("vpc-cni")
    enforced = parsed(addon["configurationValues"])["enableNetworkPolicy"]
    yield expect(enforced, "be true for vpc-cni", any_of([negate(is_network), switched_on(enforced)]))


RULE = ResourceRule(
    name="aws-addon",
    title="Add-ons of a cluster have a version, and its network enforces network policies.",
    remedy="take the add-on from infra.aws.addons; vpc-cni needs enableNetworkPolicy: true in its configurationValues",
    applies=lambda token: token == ADDON,
    check=_check,
)
