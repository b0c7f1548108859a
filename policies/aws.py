"""What the rules about AWS share: types that several read, and how values look."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from policies.node import Node
    from policies.truth import Truth

ADDON: Final = "aws:eks/addon:Addon"
BUCKET: Final = "aws:s3/bucket:Bucket"
CLUSTER: Final = "aws:eks/cluster:Cluster"
DATABASE: Final = "aws:rds/instance:Instance"
LAUNCH_TEMPLATE: Final = "aws:ec2/launchTemplate:LaunchTemplate"
LOAD_BALANCER: Final = "aws:lb/loadBalancer:LoadBalancer"
LOG_GROUP: Final = "aws:cloudwatch/logGroup:LogGroup"
PROVIDER: Final = "pulumi:providers:aws"
REPOSITORY: Final = "aws:ecr/repository:Repository"
ROLE: Final = "aws:iam/role:Role"
# A range of more addresses than any one network has: it names nobody.
_SHORTEST_PREFIX: Final = 8


def switched_on(node: Node) -> Truth:
    """Whether it is true; the provider has booleans that are text."""
    return node.test(lambda value: value is True or value == "true")


def switched_off(node: Node) -> Truth:
    """Whether it is false, and said to be."""
    return node.test(lambda value: value is False or value == "false")


def is_for_anybody(node: Node) -> Truth:
    """Whether a range of addresses is the whole internet, or so much of it that it is nobody's."""
    return node.test(_is_wide)


def _is_wide(value: object) -> bool:
    if not isinstance(value, str):
        return value is not None
    try:
        return ipaddress.ip_network(value, strict=False).prefixlen < _SHORTEST_PREFIX
    except ValueError:
        return True
