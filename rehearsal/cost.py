"""What a stack costs in a month: the fixed part, out of its resources and a price table."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rehearsal.cloud import quantity
from rehearsal.report import Cost, CostLine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rehearsal.prices import Prices

Json = dict[str, Any]
HOURS = 730
"""A month, as AWS's calculator takes it."""


@dataclass(frozen=True, kw_only=True)
class Charge:
    """So much of something in a month.

    Attributes:
        item: the key of its price.
        amount: hours, or gigabytes for a month, or pieces for a month.
        at_most: the same with every node group at its maximum.
        share: of the price; less than 1 for spot capacity.
    """

    item: str
    amount: float
    at_most: float
    share: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A stack as it is at one moment.

    Attributes:
        resources: of Pulumi's state: `type`, `inputs` and `outputs` are read.
        nodes: how many nodes each node group has, by name; a group that is not in it has its desired size.
    """

    resources: Sequence[Json] = ()
    nodes: Mapping[str, int] = field(default_factory=dict[str, int])


def estimate(before: Deployed, after: Deployed, *, prices: Prices, region: str) -> Cost:
    """Return what both cost, item by item."""
    table = prices.regions.get(region, {})
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    without_price: set[str] = set()
    for place, deployed in enumerate((before, after)):
        for charge in charges(deployed, spot_share=prices.spot_share):
            price = table.get(charge.item)
            if price is None:
                without_price.add(charge.item)
                continue
            sums[charge.item][place] += charge.amount * price * charge.share
            if place:
                sums[charge.item][2] += charge.at_most * price * charge.share
    lines = [
        CostLine(item=item, before=round(old, 2), after=round(new, 2), at_most=round(most, 2))
        for item, (old, new, most) in sums.items()
    ]
    return Cost(
        currency=prices.currency,
        region=region,
        prices_of=prices.date,
        source=prices.source,
        before=round(sum(line.before for line in lines), 2),
        after=round(sum(line.after for line in lines), 2),
        at_most=round(sum(line.at_most for line in lines), 2),
        lines=tuple(sorted(lines, key=lambda line: (-max(line.before, line.after), line.item))),
        without_price=tuple(sorted(without_price)),
    )


def charges(deployed: Deployed, *, spot_share: float) -> Iterator[Charge]:
    """What is charged for these resources; those that cost nothing, or only by use, are passed over."""
    disks = _disks(deployed.resources)
    for resource in deployed.resources:
        inputs: Json = resource.get("inputs") or {}
        match resource["type"]:
            case "aws:eks/cluster:Cluster":
                yield _fixed("eks/cluster", HOURS)
            case "aws:eks/nodeGroup:NodeGroup":
                yield from _node_group(inputs, resource.get("outputs") or {}, deployed.nodes, disks, spot_share)
            case "aws:ec2/instance:Instance":
                yield _fixed(f"ec2/{inputs.get('instanceType')}", HOURS)
            case "aws:ec2/natGateway:NatGateway":
                yield _fixed("vpc/nat-gateway", HOURS)
            case "aws:ec2/eip:Eip":
                yield _fixed("vpc/public-address", HOURS)
            case "aws:ec2/vpcEndpoint:VpcEndpoint" if inputs.get("vpcEndpointType") == "Interface":
                yield _fixed("vpc/interface-endpoint", HOURS * len(inputs.get("subnetIds") or ()))
            case "aws:lb/loadBalancer:LoadBalancer":
                yield _fixed(f"lb/{inputs.get('loadBalancerType', 'application')}", HOURS)
            case "aws:rds/instance:Instance":
                yield from _database(inputs)
            case "aws:kms/key:Key":
                yield _fixed("kms/key", 1)
            case "aws:secretsmanager/secret:Secret":
                yield _fixed("secretsmanager/secret", 1)
            case "aws:route53/zone:Zone":
                yield _fixed("route53/zone", 1)
            case "kubernetes:core/v1:PersistentVolumeClaim":
                size = inputs.get("spec", {}).get("resources", {}).get("requests", {}).get("storage", "0")
                yield _fixed("ebs/gp3", float(quantity.parse(size) / 2**30))
            case _:
                pass


def _fixed(item: str, amount: float) -> Charge:
    return Charge(item=item, amount=amount, at_most=amount)


def _node_group(
    inputs: Json, outputs: Json, nodes: Mapping[str, int], disks: Mapping[str, float], spot_share: float
) -> Iterator[Charge]:
    scaling: Json = inputs.get("scalingConfig") or {}
    name = inputs.get("nodeGroupName") or outputs.get("nodeGroupName") or ""
    count = nodes.get(name, int(scaling.get("desiredSize", 0)))
    most = int(scaling.get("maxSize", count))
    share = spot_share if inputs.get("capacityType") == "SPOT" else 1.0
    types = inputs.get("instanceTypes") or ["?"]
    yield Charge(item=f"ec2/{types[0]}", amount=HOURS * count, at_most=HOURS * most, share=share)
    template: Json = inputs.get("launchTemplate") or {}
    size = disks.get(template.get("id") or template.get("name") or "", float(inputs.get("diskSize", 20)))
    yield Charge(item="ebs/gp3", amount=size * count, at_most=size * most)


def _disks(resources: Iterable[Json]) -> dict[str, float]:
    """Gigabytes of disk that an instance of a launch template has, by the template's id and name."""
    found: dict[str, float] = {}
    for resource in resources:
        if resource["type"] != "aws:ec2/launchTemplate:LaunchTemplate":
            continue
        inputs: Json = resource.get("inputs") or {}
        outputs: Json = resource.get("outputs") or {}
        size = sum(
            float((each.get("ebs") or {}).get("volumeSize", 0)) for each in inputs.get("blockDeviceMappings") or ()
        )
        for name in (resource.get("id"), outputs.get("id"), inputs.get("name"), outputs.get("name")):
            if name:
                found[str(name)] = size
    return found


def _database(inputs: Json) -> Iterator[Charge]:
    zones = "multi-zone" if inputs.get("multiAz") else "single-zone"
    yield _fixed(f"rds/{inputs.get('instanceClass')}/{zones}", HOURS)
    yield _fixed(f"rds/storage/{zones}", float(inputs.get("allocatedStorage") or 0))
    if inputs.get("manageMasterUserPassword"):
        yield _fixed("secretsmanager/secret", 1)
