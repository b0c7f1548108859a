"""The network: its ranges, its ways out, its logs."""

from __future__ import annotations

import ipaddress
import itertools
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st

from infra import settings
from infra.aws.network import Network, NetworkArgs, divide
from tests.infra.aws.recorder import ZONES, Recording, record, statements


@st.composite
def _vpcs(draw: st.DrawFn) -> ipaddress.IPv4Network:
    address = draw(st.ip_addresses(v=4, network="10.0.0.0/8"))
    return ipaddress.IPv4Network((str(address), draw(st.integers(16, 20))), strict=False)


@given(_vpcs())
def test_ranges_are_apart_and_inside(vpc: ipaddress.IPv4Network) -> None:
    """For a VPC of any allowed size no two subnets overlap, and all lie in it."""
    ranges = divide(str(vpc), ZONES)
    assert tuple(ranges) == ZONES
    subnets = [subnet for pair in ranges.values() for subnet in (pair.private, pair.public)]
    assert all(subnet.subnet_of(vpc) for subnet in subnets)
    assert not any(one.overlaps(other) for one, other in itertools.combinations(subnets, 2))


@given(_vpcs())
def test_nodes_have_most_of_the_range(vpc: ipaddress.IPv4Network) -> None:
    """Three quarters are private, in equal parts; a public subnet holds a load balancer and a NAT gateway."""
    ranges = divide(str(vpc), ZONES).values()
    assert sum(pair.private.num_addresses for pair in ranges) * 4 == vpc.num_addresses * 3
    assert len({pair.private.num_addresses for pair in ranges}) == 1
    # AWS keeps five addresses, a load balancer takes up to eight, the gateway one.
    assert all(5 + 8 + 1 <= pair.public.num_addresses <= 64 for pair in ranges)


def _declare(nat: Literal["single", "per_zone"]) -> Recording:
    return record(
        lambda: Network(
            "network",
            NetworkArgs(
                environment="prod",
                network=settings.Network(cidr="10.18.0.0/16", zones=ZONES, nat=nat, flow_log_days=365),
                log_key_arn="logs-key-arn",
                boundary_arn="boundary-arn",
            ),
        )
    )


def _way_out(declared: Recording) -> dict[str, str]:
    """Private subnet -> the zone of its NAT gateway."""
    routes = {
        route.inputs["routeTableId"]: route.inputs["natGatewayId"]
        for route in declared.of("Route")
        if "natGatewayId" in route.inputs
    }
    return {
        association.inputs["subnetId"]: routes[association.inputs["routeTableId"]]
        for association in declared.of("RouteTableAssociation")
        if association.inputs["routeTableId"] in routes
    }


def test_with_nat_per_zone_no_zone_needs_another() -> None:
    """Each private subnet goes out by the gateway of its own zone, in that zone's public subnet."""
    declared = _declare("per_zone")
    assert _way_out(declared) == {f"network-private-{zone}-id": f"network-nat-{zone}-id" for zone in ZONES}
    for gateway in declared.of("NatGateway"):
        assert gateway.inputs["subnetId"].endswith(gateway.name.removeprefix("network-nat-") + "-id")
        assert "public" in gateway.inputs["subnetId"]


def test_a_single_nat_serves_all_zones() -> None:
    """With one gateway there is one address, one private table, and three subnets on it."""
    declared = _declare("single")
    assert len(declared.of("NatGateway")) == len(declared.of("Eip")) == 1
    assert set(_way_out(declared).values()) == {f"network-nat-{ZONES[0]}-id"}
    assert len(_way_out(declared)) == 3


def test_no_subnet_gives_public_addresses() -> None:
    """Nothing gets a public address for being started; load balancers and NAT ask for theirs."""
    for subnet in _declare("single").of("Subnet"):
        assert subnet.inputs["mapPublicIpOnLaunch"] is False


def test_eks_finds_the_subnets() -> None:
    """Private subnets are marked for internal load balancers, public ones for others."""
    for subnet in _declare("single").of("Subnet"):
        role = "kubernetes.io/role/internal-elb" if "private" in subnet.name else "kubernetes.io/role/elb"
        assert subnet.inputs["tags"][role] == "1"


def test_the_default_security_group_is_closed() -> None:
    """Who names no security group neither reaches anything nor is reached."""
    group = _declare("single").one("DefaultSecurityGroup")
    assert not group.get("ingress")
    assert not group.get("egress")


def test_all_traffic_is_logged_encrypted_and_for_as_long_as_asked() -> None:
    """Flow logs cover all traffic, go to a group with our key and an end, by a role that writes only there."""
    declared = _declare("single")
    group = declared.one("LogGroup")
    assert group["kmsKeyId"] == "logs-key-arn"
    assert group["retentionInDays"] == 365
    assert declared.one("FlowLog")["trafficType"] == "ALL"
    assert declared.one("Role")["permissionsBoundary"] == "boundary-arn"
    policy = statements(declared.one("RolePolicy")["policy"])
    assert policy["Write"]["Resource"] != ["*"]
    assert policy["List"]["Action"] == ["logs:DescribeLogGroups"]


def test_names_say_whose_they_are() -> None:
    """Everything that has a name tag says the environment in it."""
    tagged = [each for each in _declare("single") if "tags" in each.inputs]
    assert len(tagged) > 10
    assert all(each.inputs["tags"]["Name"].startswith("inferstack-prod") for each in tagged)
