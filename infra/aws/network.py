"""The VPC of a stack: private subnets for nodes, small public ones for load balancers."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from infra import naming
from infra.aws.flow_logs import FlowLogs, FlowLogsArgs

if TYPE_CHECKING:
    from infra import settings

# 59 usable addresses: a load balancer takes up to 8 in each zone, a NAT gateway one.
_PUBLIC_PREFIX = 26


@dataclass(frozen=True, kw_only=True)
class Ranges:
    """The ranges of one zone."""

    private: ipaddress.IPv4Network
    public: ipaddress.IPv4Network


def divide(cidr: str, zones: tuple[str, ...]) -> dict[str, Ranges]:
    """Divide a VPC's range: a quarter for the nodes and pods of each zone, the public subnets out of the last one.

    Args:
        cidr: from /16 to /20, which gives each zone from 16,384 to 1,024 private addresses.
        zones: three.
    """
    *quarters, last = ipaddress.IPv4Network(cidr).subnets(prefixlen_diff=2)
    public = last.subnets(new_prefix=_PUBLIC_PREFIX)
    return {
        zone: Ranges(private=quarter, public=small)
        for zone, quarter, small in zip(zones, quarters, public, strict=False)
    }


@dataclass(frozen=True, kw_only=True)
class NetworkArgs:
    """What a network is made from.

    Attributes:
        environment: the stack.
        network: its settings.
        log_key_arn: the key that encrypts flow logs.
        boundary_arn: what roles of this stack may never do.
    """

    environment: str
    network: settings.Network
    log_key_arn: pulumi.Input[str]
    boundary_arn: pulumi.Input[str]


class Network(pulumi.ComponentResource):
    """A VPC over three zones, with NAT, and flow logs.

    Attributes:
        vpc_id: the VPC's.
        private_subnet_ids: by zone; known once their way out is there.
        public_subnet_ids: by zone; likewise.
        private_route_table_ids: of the private subnets, without repetition.
    """

    vpc_id: pulumi.Output[str]
    private_subnet_ids: dict[str, pulumi.Output[str]]
    public_subnet_ids: dict[str, pulumi.Output[str]]
    private_route_table_ids: list[pulumi.Output[str]]

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("inferstack:aws:Network", name, None, opts)
        self._name, self._environment = name, args.environment
        child = pulumi.ResourceOptions(parent=self)
        vpc = aws.ec2.Vpc(
            name,
            cidr_block=args.network.cidr,
            enable_dns_support=True,
            # Interface endpoints answer under the services' own names only with it.
            enable_dns_hostnames=True,
            tags=self._tags(),
            opts=child,
        )
        self.vpc_id = vpc.id
        # Without rules: whoever names no security group reaches nothing.
        aws.ec2.DefaultSecurityGroup(f"{name}-default", vpc_id=vpc.id, tags=self._tags("unused"), opts=child)
        internet = aws.ec2.InternetGateway(name, vpc_id=vpc.id, tags=self._tags(), opts=child)

        ranges = divide(args.network.cidr, args.network.zones)
        public = self._route_table("public")
        way_out = aws.ec2.Route(
            f"{name}-public",
            route_table_id=public.id,
            destination_cidr_block="0.0.0.0/0",
            gateway_id=internet.id,
            opts=child,
        )
        self.public_subnet_ids = {
            zone: self._subnet(f"public-{zone}", zone, pair.public, role="elb", table=public, after=way_out)
            for zone, pair in ranges.items()
        }

        nat_zones = args.network.zones if args.network.nat == "per_zone" else args.network.zones[:1]
        tables = {zone: self._private_table(zone) for zone in nat_zones}
        self.private_route_table_ids = [table.id for table, _ in tables.values()]
        self.private_subnet_ids = dict[str, pulumi.Output[str]]()
        for zone, pair in ranges.items():
            table, route = tables.get(zone) or tables[nat_zones[0]]
            self.private_subnet_ids[zone] = self._subnet(
                f"private-{zone}", zone, pair.private, role="internal-elb", table=table, after=route
            )

        FlowLogs(
            f"{name}-flow-logs",
            FlowLogsArgs(
                environment=args.environment,
                vpc_id=vpc.id,
                days=args.network.flow_log_days,
                key_arn=args.log_key_arn,
                boundary_arn=args.boundary_arn,
            ),
            opts=child,
        )
        self.register_outputs({"vpc_id": self.vpc_id})

    def _tags(self, part: str = "") -> dict[str, str]:
        return {"Name": naming.aws_name(self._environment, part)}

    def _route_table(self, part: str) -> aws.ec2.RouteTable:
        return aws.ec2.RouteTable(
            f"{self._name}-{part}",
            vpc_id=self.vpc_id,
            tags=self._tags(part),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _private_table(self, zone: str) -> tuple[aws.ec2.RouteTable, aws.ec2.Route]:
        """A route table whose way out is a NAT gateway in that zone."""
        child = pulumi.ResourceOptions(parent=self)
        part = f"private-{zone}"
        address = aws.ec2.Eip(f"{self._name}-nat-{zone}", domain="vpc", tags=self._tags(f"nat-{zone}"), opts=child)
        gateway = aws.ec2.NatGateway(
            f"{self._name}-nat-{zone}",
            allocation_id=address.id,
            subnet_id=self.public_subnet_ids[zone],
            tags=self._tags(f"nat-{zone}"),
            opts=child,
        )
        table = self._route_table(part)
        route = aws.ec2.Route(
            f"{self._name}-{part}",
            route_table_id=table.id,
            destination_cidr_block="0.0.0.0/0",
            nat_gateway_id=gateway.id,
            opts=child,
        )
        return table, route

    def _subnet(  # noqa: PLR0913  # what tells one subnet from another
        self,
        part: str,
        zone: str,
        cidr: ipaddress.IPv4Network,
        *,
        role: str,
        table: aws.ec2.RouteTable,
        after: aws.ec2.Route,
    ) -> pulumi.Output[str]:
        subnet = aws.ec2.Subnet(
            f"{self._name}-{part}",
            vpc_id=self.vpc_id,
            availability_zone=zone,
            cidr_block=str(cidr),
            map_public_ip_on_launch=False,
            # By the second tag EKS finds where load balancers of Kubernetes go.
            tags={**self._tags(part), f"kubernetes.io/role/{role}": "1"},
            opts=pulumi.ResourceOptions(parent=self),
        )
        association = aws.ec2.RouteTableAssociation(
            f"{self._name}-{part}",
            subnet_id=subnet.id,
            route_table_id=table.id,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[after]),
        )
        return association.subnet_id.apply(_present)


def _present(subnet_id: str | None) -> str:
    assert subnet_id is not None  # noqa: S101  # optional only because a gateway may take its place
    return subnet_id
