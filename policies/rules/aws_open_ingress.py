"""The internet may reach one port: the load balancer's TLS port."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policies.aws import is_for_anybody
from policies.rule import Expectation, Resource, ResourceRule
from policies.truth import all_of, any_of, negate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from policies.node import Node

_RULE: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
# Their rules are lists within them.
_GROUPS: Final = ("aws:ec2/securityGroup:SecurityGroup", "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
_TLS: Final = 443


def _check(resource: Resource) -> Iterator[Expectation]:
    if resource.type == _RULE:
        yield _expectation(resource.node, [resource.node["cidrIpv4"], resource.node["cidrIpv6"]], "ipProtocol")
        return
    rules = resource.node["ingress"]
    # A group without rules of its own is closed until one is added as a resource, which is judged by itself.
    yield Expectation(holds=True if rules.known else None, subject="ingress", must="be known", found=rules.show())
    for rule in rules.each():
        yield _expectation(rule, [*rule["cidrBlocks"].each(), *rule["ipv6CidrBlocks"].each()], "protocol")


def _expectation(rule: Node, ranges: list[Node], protocol: str) -> Expectation:
    tls = all_of([rule["fromPort"].equals(_TLS), rule["toPort"].equals(_TLS), rule[protocol].equals("tcp")])
    open_ = any_of(is_for_anybody(each) for each in ranges)
    shown = f"ports {rule['fromPort'].show()} to {rule['toPort'].show()}"
    return Expectation(
        holds=any_of([negate(open_), tls]),
        subject=rule.path or "the rule",
        must="let anybody reach TCP port 443 alone",
        found=shown,
    )


RULE = ResourceRule(
    name="aws-open-ingress",
    title="No security group lets the whole internet in, but to the TLS port of the load balancer.",
    remedy="name the networks or the security group that may connect",
    applies=lambda token: token == _RULE or token in _GROUPS,
    check=_check,
)
