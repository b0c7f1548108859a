"""What has an address on the internet is found within minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policies.aws import CLUSTER, DATABASE, LAUNCH_TEMPLATE, is_for_anybody, switched_on
from policies.rule import Expectation, Resource, ResourceRule, expect
from policies.truth import all_of, any_of, negate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from policies.node import Node

_BLOCKS: Final = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


def _database(instance: Node) -> Iterator[Expectation]:
    public = instance["publiclyAccessible"]
    yield expect(public, "not be true", negate(switched_on(public)))


def _cluster(cluster: Node) -> Iterator[Expectation]:
    """EKS opens the endpoint to everybody, where neither of both is said."""
    vpc = cluster["vpcConfig"]
    ranges = vpc["publicAccessCidrs"]
    narrow = all_of([negate(ranges.empty), *(negate(is_for_anybody(each)) for each in ranges.each())])
    yield expect(
        ranges, "be narrow, or endpointPublicAccess false", any_of([vpc["endpointPublicAccess"].is_false, narrow])
    )


def _subnet(subnet: Node) -> Iterator[Expectation]:
    gives = subnet["mapPublicIpOnLaunch"]
    yield expect(gives, "not be true", negate(switched_on(gives)))


def _template(template: Node) -> Iterator[Expectation]:
    interfaces = template["networkInterfaces"]
    public = any_of(switched_on(each["associatePublicIpAddress"]) for each in interfaces.each())
    yield expect(interfaces, "give no public address", negate(public))


def _bucket(block: Node) -> Iterator[Expectation]:
    for name in _BLOCKS:
        yield expect(block[name], "be true", block[name].is_true)


_CHECKS: Final[dict[str, Callable[[Node], Iterator[Expectation]]]] = {
    CLUSTER: _cluster,
    DATABASE: _database,
    LAUNCH_TEMPLATE: _template,
    "aws:ec2/subnet:Subnet": _subnet,
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _bucket,
}


def _check(resource: Resource) -> Iterator[Expectation]:
    return _CHECKS[resource.type](resource.node)


RULE = ResourceRule(
    name="aws-public-access",
    title="Databases, buckets and nodes on AWS are private; a cluster's endpoint is, or is open to named networks.",
    remedy="leave out the public address; of a cluster, list your own networks in cluster.public_access, or none",
    applies=lambda token: token in _CHECKS,
    check=_check,
)
