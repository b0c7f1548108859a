"""Where users come in."""

from __future__ import annotations

from typing import Literal

import pytest

from infra import settings
from infra.aws.load_balancer import LoadBalancer, LoadBalancerArgs
from tests.infra.aws.recorder import Recording, record


def _declare(
    *,
    scheme: Literal["internal", "internet-facing"] = "internal",
    protect: bool = True,
    endpoints: list[str] | None = None,
) -> Recording:
    def program() -> None:
        balancer = LoadBalancer(
            "ingress",
            LoadBalancerArgs(
                environment="prod",
                ingress=settings.Ingress(
                    domain="inference.prod.example.com",
                    hosted_zone="prod.example.com",
                    scheme=scheme,
                    allowed_cidrs=("10.18.0.0/16", "10.0.0.0/16"),
                ),
                vpc_id="vpc",
                subnet_ids=["subnet-a", "subnet-b", "subnet-c"],
                node_security_group_id="sg-nodes",
                autoscaling_group_name="eks-group",
                node_port=30080,
                zone_id="Z1",
                protect=protect,
            ),
        )
        balancer.endpoint.apply(([] if endpoints is None else endpoints).append)

    return record(program)


@pytest.mark.parametrize(("scheme", "internal"), [("internal", True), ("internet-facing", False)])
def test_it_is_where_the_settings_say(scheme: Literal["internal", "internet-facing"], *, internal: bool) -> None:
    """Internal or internet-facing, a network load balancer over all zones."""
    balancer = _declare(scheme=scheme).one("lb/loadBalancer:LoadBalancer")
    assert balancer["internal"] is internal
    assert balancer["loadBalancerType"] == "network"
    assert balancer["subnets"] == ["subnet-a", "subnet-b", "subnet-c"]
    assert balancer["enableCrossZoneLoadBalancing"] is True


@pytest.mark.parametrize("protect", [True, False])
def test_it_is_protected_where_it_is_said(*, protect: bool) -> None:
    """Its DNS name is what others have in their allow-lists: it is not deleted by mistake."""
    assert _declare(protect=protect).one("lb/loadBalancer:LoadBalancer")["enableDeletionProtection"] is protect


def test_only_the_allowed_ranges_come_in_and_only_by_tls() -> None:
    """There is one rule for each range, on 443, and one listener, which speaks TLS 1.2 or later."""
    declared = _declare()
    rules = [each.inputs for each in declared.of("SecurityGroupIngressRule") if "cidrIpv4" in each.inputs]
    assert {rule["cidrIpv4"] for rule in rules} == {"10.18.0.0/16", "10.0.0.0/16"}
    assert {(rule["fromPort"], rule["toPort"]) for rule in rules} == {(443, 443)}
    listener = declared.one("Listener")
    assert (listener["port"], listener["protocol"]) == (443, "TLS")
    assert listener["sslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-2021-06"


def test_between_balancer_and_nodes_only_envoys_port_is_open() -> None:
    """The balancer reaches the nodes on one port, and nodes take that port from the balancer alone."""
    declared = _declare()
    out = declared.one("SecurityGroupEgressRule")
    (on_nodes,) = [
        each.inputs for each in declared.of("SecurityGroupIngressRule") if each.inputs["securityGroupId"] == "sg-nodes"
    ]
    assert out["referencedSecurityGroupId"] == "sg-nodes"
    assert on_nodes["referencedSecurityGroupId"] == out["securityGroupId"] == "ingress-id"
    for rule in (out, on_nodes):
        assert (rule["ipProtocol"], rule["fromPort"], rule["toPort"]) == ("tcp", 30080, 30080)


def test_it_sends_to_the_pools_nodes() -> None:
    """Targets are the instances of the pool's scaling group, on Envoy's port, whoever they are."""
    declared = _declare()
    targets = declared.one("TargetGroup")
    assert (targets["targetType"], targets["protocol"], targets["port"]) == ("instance", "TCP", 30080)
    attachment = declared.one("Attachment")
    assert attachment["autoscalingGroupName"] == "eks-group"
    assert attachment["lbTargetGroupArn"] == declared.one("Listener")["defaultActions"][0]["targetGroupArn"]


def test_the_certificate_is_proven_in_the_zone_before_it_is_used() -> None:
    """ACM's proof is a record in the hosted zone; the listener takes the certificate once it is validated."""
    declared = _declare()
    assert declared.one("Certificate")["domainName"] == "inference.prod.example.com"
    assert declared.one("Certificate")["validationMethod"] == "DNS"
    proof = declared.one("Record", "ingress-validation")
    assert proof["records"] == ["_value.acm-validations.aws."]
    assert (proof["zoneId"], proof["name"], proof["type"]) == ("Z1", "_proof.example.com.", "CNAME")
    order = [each.type for each in declared]
    assert order.index("aws:acm/certificateValidation:CertificateValidation") < order.index("aws:lb/listener:Listener")


def test_the_name_leads_to_the_balancer() -> None:
    """The domain is an alias of the balancer, and the endpoint is its URL."""
    endpoints = list[str]()
    record_of_domain = _declare(endpoints=endpoints).one("Record", "ingress")
    (alias,) = record_of_domain["aliases"]
    assert alias == {"name": "balancer.example", "zoneId": "Z215JYRZR1TBD5", "evaluateTargetHealth": True}
    assert endpoints == ["https://inference.prod.example.com"]
